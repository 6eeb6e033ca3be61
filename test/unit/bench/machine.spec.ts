import { deepEqual, throws } from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cpuTime } from "../../../dev/bench/cpu.ts";
import { PodCgroup } from "../../../dev/bench/podUsage.ts";

describe("what the bench reads from the machine", () => {
  let mount: string;
  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), "rex-cgroup-"));
  });
  afterEach(() => rmSync(mount, { recursive: true }));

  function put(files: Record<string, string>): void {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(mount, file)), { recursive: true });
      writeFileSync(join(mount, file), text);
    }
  }

  it("is processor time over all cores, with guests counted only once", () => {
    const stat = "cpu  1000 200 300 4000 500 10 20 30 900 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 5\n";
    deepEqual(cpuTime(stat), { busy: 15.6, total: 60.6 });
    throws(() => cpuTime("intr 5\n"), /no line for all cores/);
  });

  it("is a pod's working set and processor time, with cgroups version 1", () => {
    put({
      "memory/rex-0a/kubepods/burstable/podaaa/memory.usage_in_bytes": "62914560\n",
      "memory/rex-0a/kubepods/burstable/podaaa/memory.stat":
        "inactive_file 1\nactive_file 2\ntotal_inactive_file 10485760\n",
      "cpuacct/rex-0a/kubepods/burstable/podaaa/cpuacct.usage": "2500000000\n",
    });
    deepEqual(new PodCgroup("aaa", mount, "0a").usage(), { mebibytes: 50, cpuSeconds: 2.5 });
  });

  it("is the same with cgroups version 2", () => {
    put({
      "cgroup.controllers": "cpu memory\n",
      "rex-0a/kubepods/podaaa/memory.current": "62914560\n",
      "rex-0a/kubepods/podaaa/memory.stat": "active_file 2\ninactive_file 10485760\n",
      "rex-0a/kubepods/podaaa/cpu.stat": "usage_usec 2500000\nuser_usec 2000000\n",
    });
    deepEqual(new PodCgroup("aaa", mount, "0a").usage(), { mebibytes: 50, cpuSeconds: 2.5 });
  });

  it("is an error if the pod does not exist or the kernel does not report it", () => {
    put({
      "memory/rex-0a/kubepods/besteffort/podaaa/memory.usage_in_bytes": "62914560\n",
      "memory/rex-0a/kubepods/besteffort/podaaa/memory.stat": "inactive_file 1\n",
      "cpuacct/rex-0a/kubepods/besteffort/podaaa/cpuacct.usage": "2500000000\n",
    });
    throws(() => new PodCgroup("bbb", mount, "0a"), /pod bbb has no cgroup below /);
    throws(() => new PodCgroup("aaa", mount, "0a").usage(), /memory.stat has no total_inactive_file/);
  });
});
