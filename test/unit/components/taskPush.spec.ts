import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { pushExpression, pusherNames, pushTransform } from "../../../components/taskPush.ts";

const push = { pusher: "5DLabs-Rex[bot]", repositories: ["5DLabs/Platform", "acme/widgets"], branchPrefix: "task-" };

/** Names with each of the characters that git refuses in all of them. */
const impossible = [..."\0\t\n\r\x1b\x1f \x7f~^:?*[\\"].map((character) => `task-3-a${character}b`);

/** An event as an EventSource of type github emits it. */
function event() {
  return {
    headers: { "X-Github-Event": ["push"], "X-Hub-Signature-256": ["sha256=0a"] } as unknown,
    metadata: { branchPrefix: "task-" } as unknown,
    body: {
      "X-GitHub-Event": "push",
      ref: "refs/heads/task-3-fix",
      before: "a".repeat(40),
      after: "b".repeat(40),
      deleted: false,
      sender: { login: "5DLabs-rex[bot]", type: "Bot" },
      repository: { full_name: "5dlabs/platform", pushed_at: 1763830000 },
    } as Record<string, unknown>,
  };
}

type Event = ReturnType<typeof event>;

const checked = {
  wanted: true,
  task: "3",
  before: "a".repeat(40),
  after: "b".repeat(40),
  repository: "5dlabs/platform",
  pushedAt: 1763830000,
};

/** What the Sensor's transform makes of events; by jq, where Argo Events has gojq, which reads regular expressions a little differently. */
function transformed(program: string, events: unknown[]): unknown[] {
  const input = events.map((one) => JSON.stringify(one)).join("\n");
  const { status, stdout, stderr } = spawnSync("jq", ["-c", program], { input, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

function changed(...changes: ((one: Event) => void)[]): Event[] {
  return changes.map((change) => {
    const one = event();
    change(one);
    return one;
  });
}

/** The event with any of the places that the checks read missing or of another type. */
function malformed(): Event[] {
  const places = [
    ["body"],
    ["body", "ref"],
    ["body", "before"],
    ["body", "after"],
    ["body", "repository"],
    ["body", "repository", "full_name"],
    ["body", "repository", "pushed_at"],
  ];
  const values = [undefined, null, true, 1.5, -1, "", "x", [], {}, ["push"], { login: 1 }];
  return places.flatMap((place) =>
    values.map((value) => {
      const one = event();
      const last = place[place.length - 1] ?? "";
      const parent = place
        .slice(0, -1)
        .reduce<Record<string, unknown>>((at, key) => at[key] as Record<string, unknown>, one);
      parent[last] = value;
      return one;
    }),
  );
}

describe("taskPush", () => {
  it("knows the names that stand for the pusher in a label", () => {
    assert.deepEqual(pusherNames("5DLabs-Rex[bot]"), ["5dlabs-rex", "rex"]);
    assert.deepEqual(pusherNames("a-b-Zed[bot]"), ["a-b-zed", "zed"]);
    assert.deepEqual(pusherNames("Rex[bot]"), ["rex"]);
  });

  it("compares pusher and repositories in lower case", () => {
    const expression = pushExpression(push);
    assert.match(expression, /lower\(body\.sender\.login\) == "5dlabs-rex\[bot\]"/);
    assert.match(expression, /lower\(body\.repository\.full_name\) in \["5dlabs\/platform", "acme\/widgets"\]/);
  });

  it("takes a branch prefix literally", () => {
    const expression = pushExpression({ ...push, branchPrefix: "a.b+(c)-" });
    assert.ok(expression.includes(String.raw`"^refs/heads/a\\.b\\+\\(c\\)-[1-9][0-9]{0,8}([-/_]`), expression);
  });

  it("lets no branch pass that git cannot have", () => {
    const pattern = new RegExp(JSON.parse(/body\.ref matches (".*")$/.exec(pushExpression(push))?.[1] ?? ""));
    assert.ok(pattern.test("refs/heads/task-3-$(x)`y`{{=1}}'\";<é>"));
    assert.deepEqual(
      impossible.filter((name) => pattern.test(`refs/heads/${name}`)),
      [],
    );
  });

  it("asks for the type of each thing before it reads in it", () => {
    const lines = pushExpression(push).split(" &&\n");
    for (const [place, first] of [
      ['headers["X-Hub-Signature-256"][0] matches', 'type(headers["X-Hub-Signature-256"][0]) == "string"'],
      ['type(headers["X-Hub-Signature-256"][0])', 'len(headers["X-Hub-Signature-256"]) > 0'],
      ['len(headers["X-Hub-Signature-256"])', 'type(headers["X-Hub-Signature-256"]) == "array"'],
      ['type(headers["X-Hub-Signature-256"])', 'type(headers) == "map"'],
      ["body.deleted", 'type(body) == "map"'],
      ["body.sender.type", 'type(body.sender) == "map"'],
      ["body.sender.login matches", 'type(body.sender.login) == "string"'],
      ["body.repository.full_name matches", 'type(body.repository.full_name) == "string"'],
      ["body.ref matches", 'type(body.ref) == "string"'],
    ] as const) {
      assert.ok(lines.indexOf(first) >= 0, first);
      assert.ok(lines.findIndex((line) => line.startsWith(place)) > lines.indexOf(first), place);
    }
  });

  describe("the transform, by jq", () => {
    before(function () {
      if (spawnSync("jq", ["--version"]).status !== 0) {
        console.log("      not run: there is no jq on PATH");
        this.skip();
      }
    });

    it("lets task, SHAs, repository and time through, and nothing else [transform-lets-through]", () => {
      assert.deepEqual(transformed(pushTransform(), [event()]), [checked]);
    });

    it("knows a task branch in each of its forms [task-branch-forms]", () => {
      const refs = {
        "task-7": "7",
        "task-7-fix": "7",
        "task-7/x/y": "7",
        "task-7_x": "7",
        "task-123456789": "123456789",
        "task-7-": "7",
      };
      for (const [branch, task] of Object.entries(refs)) {
        const [one] = transformed(
          pushTransform(),
          changed(({ body }) => {
            body.ref = `refs/heads/${branch}`;
          }),
        );
        assert.equal((one as { task: string }).task, task, branch);
      }
    });

    it("wants no other ref [no-other-ref]", () => {
      const refs = [
        "task-",
        "task-0",
        "task-012",
        "task-3x",
        "task-1234567890",
        "mytask-3",
        "TASK-3",
        "task-3 x",
        "x/task-3",
      ];
      const full = [...refs.map((name) => `refs/heads/${name}`), "refs/tags/task-3", "refs/heads/", "task-3", ""];
      const events = full.map(
        (ref) =>
          changed(({ body }) => {
            body.ref = ref;
          })[0],
      );
      assert.deepEqual(
        transformed(pushTransform(), events),
        full.map(() => ({ wanted: false })),
      );
    });

    it("wants no branch that git cannot have", () => {
      const events = impossible.map(
        (name) =>
          changed(({ body }) => {
            body.ref = `refs/heads/${name}`;
          })[0],
      );
      assert.deepEqual(
        transformed(pushTransform(), events),
        impossible.map(() => ({ wanted: false })),
      );
    });

    it("takes the prefix from the EventSource, and wants nothing without one", () => {
      const events = changed(
        (one) => {
          one.metadata = { branchPrefix: "v2/task.1+" };
          one.body.ref = "refs/heads/v2/task.1+42-x";
        },
        (one) => {
          one.metadata = {};
        },
        (one) => {
          one.metadata = null;
        },
        (one) => {
          one.metadata = { branchPrefix: 3 };
        },
      );
      const wanted = transformed(pushTransform(), events).map(
        (one) => (one as { wanted: boolean; task?: string }).task,
      );
      assert.deepEqual(wanted, ["42", undefined, undefined, undefined]);
    });

    it("wants no deletion and no time that is no time [no-deletion-no-bad-time]", () => {
      const events = changed(
        ({ body }) => {
          body.after = "0".repeat(40);
        },
        ({ body }) => {
          body.after = "B".repeat(40);
        },
        ({ body }) => {
          body.repository = { full_name: "a/b", pushed_at: "2026-11-22T00:00:00Z" };
        },
        ({ body }) => {
          body.repository = { full_name: "a/b", pushed_at: 2 ** 31 };
        },
        ({ body }) => {
          body.repository = { full_name: "a/$(b)", pushed_at: 1 };
        },
      );
      assert.deepEqual(
        transformed(pushTransform(), events),
        events.map(() => ({ wanted: false })),
      );
    });

    it("is total: one object for whatever comes [transform-is-total]", () => {
      for (const program of [pushTransform(), pushTransform(push)]) {
        const events = [...malformed(), {}, { body: [] }, { body: "x", metadata: "y" }];
        assert.deepEqual(
          transformed(program, events),
          events.map(() => ({ wanted: false })),
        );
      }
    });

    it("wants no push that was not signed with SHA-256, where the EventSource is not this program's and hands over the headers [no-sha1-signature]", () => {
      const header = "X-Hub-Signature-256";
      const headers: [unknown, boolean][] = [
        [{ [header]: ["sha256=0a"], "X-Hub-Signature": ["sha1=0a"] }, true],
        [{ [header]: ["sha256=0a", "sha1=0a"] }, true],
        [undefined, true],
        [null, true],
        [{}, false],
        [{ "X-Hub-Signature": ["sha1=0a"] }, false],
        [{ "X-Hub-Signature": ["sha256=0a"] }, false],
        [{ [header]: [] }, false],
        [{ [header]: [""], "X-Hub-Signature": ["sha1=0a"] }, false],
        [{ [header]: ["", "sha256=0a"], "X-Hub-Signature": ["sha1=0a"] }, false],
        [{ [header]: ["sha1=0a"] }, false],
        [{ [header]: ["sha512=0a"] }, false],
        [{ [header]: ["SHA256=0a"] }, false],
        [{ [header]: [" sha256=0a"] }, false],
        [{ [header]: "sha256=0a" }, false],
        [{ [header]: [1] }, false],
        [[], false],
        ["sha256=", false],
      ];
      const events = headers.map(([value]) => ({ ...event(), headers: value }));
      assert.deepEqual(
        (transformed(pushTransform(push), events) as { wanted: boolean }[]).map((one) => one.wanted),
        headers.map(([, wanted]) => wanted),
      );
    });

    it("makes the EventSource's checks too where that is not this program's", () => {
      const wanted = changed(
        () => {},
        (one) => {
          one.metadata = undefined;
        },
        ({ body }) => {
          body.sender = { login: "5DLABS-REX[BOT]", type: "Bot" };
        },
      );
      const unwanted = changed(
        ({ body }) => {
          body["X-GitHub-Event"] = "pull_request";
        },
        ({ body }) => {
          body.deleted = true;
        },
        ({ body }) => {
          body.deleted = null;
        },
        ({ body }) => {
          body.sender = { login: "5DLabs-rex[bot]", type: "User" };
        },
        ({ body }) => {
          body.sender = { login: "5DLabs-rex", type: "Bot" };
        },
        ({ body }) => {
          body.sender = "5DLabs-rex[bot]";
        },
        ({ body }) => {
          body.sender = { login: "x5DLabs-rex[bot]", type: "Bot" };
        },
        ({ body }) => {
          body.repository = { full_name: "5dlabs/platform2", pushed_at: 1 };
        },
        ({ body }) => {
          body.ref = "refs/heads/other-3";
        },
      );
      const results = transformed(pushTransform(push), [...wanted, ...unwanted]) as { wanted: boolean }[];
      assert.deepEqual(
        results.map((one) => one.wanted),
        [...wanted.map(() => true), ...unwanted.map(() => false)],
      );
    });
  });
});
