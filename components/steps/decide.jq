# decide: what plan does next, from the facts that are known so far. It makes no calls and writes nothing, so plan's
# decisions can be tested with facts alone.
#
# The input, slurped, is {facts, needs, now}: the facts so far, which are null at the start; the needs that were just
# answered; and the time. The answers follow, in the order of `needs`.
# The output is {facts, decision, log, plan, shown}: the facts with these answers; the decision; all lines for the log so
# far; the content of plan.json without the outcome; and the same in lines for people. The decision is one of
#   {need}                    a list of what plan has to read before it asks again. The first need is main-workflows.
#                             pulls-of-head are the pull requests if a branch is at the pushed commit, otherwise null. If
#                             somebody pushed on top, the push may be superseded, and then nobody needs this call.
#   {outcome, reason}         The end: there is nothing to do or, with begin: true, QA is to be restarted.
#   {cause, words, command, object}   The end: it failed. These become the step's ending; see components/vocabulary/ending.ts.
#
# There are three entry points: decide_on_ledger comes first, decide_on_agents when the task's CodeRuns are known, and
# decide_on_owned when all CodeRuns are known. jq compiles only what an entry point uses. Compiling everything takes as long
# as six calls of jq.
include "config";
include "main-workflow";
include "coderuns";
# GitHub's clock and the cluster's differ by less than this. Otherwise GitHub would accept none of our tokens.
120 as $clock_skew |

# --------------------------------------------------------------------- the facts

def push:
  {
    task: $config.task,
    repository: $config.repository,
    before: $env.BEFORE,
    after: $env.AFTER,
    pushedAt: ($env.PUSHED_AT | tonumber? // 0),
    run: $config.run
  }
  + if $env.BEFORE + $env.AFTER + $env.PUSHED_AT == "" then {byHand: true} else {} end;

def runs: [
  .items[]
  | (push_of | {repository, after, pushedAt})
    + {name: .metadata.name, phase: .status.phase, outcome: .metadata.labels[outcome_label]}
];

def code_runs: [
  .items // []
  | .[]
  | {metadata: (.metadata | {name, uid, labels, creationTimestamp, ownerReferences}), status: {phase: .status.phase}}
];

# Adds an answer to the facts.
def with_answer($need; $answer):
  if $need == "main-workflows" then .push = push | .mainWorkflows = ($answer | main_workflows)
  elif $need == "ended-workflows" then .allMainWorkflows = ($answer | main_workflows)
  elif $need == "pulls-to-comment" then .pullsToComment = {pulls: $answer}
  elif $need == "branches" then .branches = $answer
  elif $need == "head-by-hand" then
    .branches = $answer.branches | .push.after = ($answer.branches[0].sha // "") | .push.pushedAt = $answer.at
  elif $need == "runs" then .runs = ($answer | runs)
  elif $need | IN("pulls", "pulls-of-head") then .pulls = $answer
  elif $need == "coderuns" then .codeRuns = ($answer | code_runs)
  elif $need == "all-coderuns" then .allCodeRuns = ($answer | code_runs)
  else error("plan answered \($need), which decide.jq did not ask for")
  end;

def by_hand: .push.byHand == true;

# There must be only one: with two, nobody knows in which one QA should restart. Main workflows are found by Argo's label
# `completed`, which Argo sets a moment after the phase.
def unfinished: [.mainWorkflows[] | select(.ended == null)];

# Without an unfinished main workflow there is nothing to do, unless this run began on one that has ended since.
def ended_workflow:
  .push.run as $run | first(.allMainWorkflows // [] | .[] | select(.ended != null and .ledger.run == $run)) // null;

def workflow: if .mainWorkflows == null then null else unfinished[0] // ended_workflow end;

# The ledger on the main workflow lists the heads on which QA was restarted. If a remediation began and did not resume the
# main workflow, this run finishes it.
def ledger: workflow.ledger // {};
def resumed: ledger.resumed == "true";
def begun: ledger.resumed == "false";
def handled_at: ledger["pushed-at"] // "0";
def handled_heads: ledger.heads // ledger.head // "" | split(",");

# If a branch is at the pushed commit, that commit is the head. If none of the task's branches is there, the head is that of
# the branch under review.
def head:
  .push.after as $after
  | .pulls as $pulls
  | if any(.branches[]; .sha == $after) then $after
    else first(.branches[] | select(.ref | IN($pulls // [] | .[].ref)) | .sha) // .branches[0].sha
    end;

def is_overtaken: .push.after != head;

def targets: [.codeRuns[] | select(why_not == null)];

def round: ledger.round as $last | ($last // "0" | tonumber? // 0) + if begun and $last != null then 0 else 1 end;

# ------------------------------------------------------------------ the decisions

# Each check gives a decision or nothing. The first decision counts.
def need($what): {need: [$what]};
def conclude($outcome; $reason): {outcome: $outcome, reason: ($reason | map(select(. != "")) | join(" "))};
def fail($cause; $command; $words): {
  $cause,
  $command,
  words: ($words | map(select(. != "")) | join(" ")),
  object: (if $cause == "contract" then "main workflow \(workflow.name)" else "task \($config.task)" end)
};

def retry: "\($config.argo) retry \($config.run)";
def resubmit: "\($config.argo) resubmit \($config.run)";
def untouched: if begun then "" else "nothing was touched;" end;
def see_coderuns: "kubectl -n \($config.namespace) get \(coderuns_in_full) -l \($config.codeRun.taskLabel)=\($config.task)";

def need_pulls_to_comment: if $config.pull.comments and .pullsToComment == null then need("pulls-to-comment") else empty end;

def check_main_workflow:
  unfinished as $found
  | if ($found | length) > 1 then
      fail("ambiguous"; "retry"; [
        "task \($config.task) has more than one main workflow: \([$found[].name] | join(", "));",
        "stop all but one (\($config.argo) stop NAME), then: \(retry)"
      ])
    elif ($found | length) == 1 then empty
    elif .allMainWorkflows == null then need("ended-workflows")
    else
      ended_workflow as $mine
      | if $mine == null then
          conclude("no-workflow"; [
            "no main workflow of task \($config.task) is running in \($config.namespace)",
            "(\($config.main.typeLabel)=\($config.main.type), \($config.main.taskLabel)=\($config.task), of this repository)\([
              .allMainWorkflows[]
              | select(.ended != null and (.phase | IN("Succeeded", "Failed", "Error") | not))
              | "; \(.name) \(.ended)"
            ] | add // "")"
          ])
        elif $mine.ledger.resumed != "true" then
          fail("contract"; "retry"; [
            "main workflow \($mine | "\(.name) \(.ended)") before it could be resumed;",
            "start a new main workflow for task \($config.task): it begins on the current head"
          ])
        else
          need_pulls_to_comment,
          conclude("remediated"; ["this run resumed main workflow \($mine.name), which has ended since"])
        end
    end;

# A run by hand is for the current head.
def check_present_head:
  if by_hand | not then empty
  elif .branches == null then need("head-by-hand")
  elif .branches == [] then
    conclude("no-pull-request"; [
      "\($config.repository) has no branch of task \($config.task) (\($config.branchPrefix)\($config.task))"
    ])
  else empty
  end;

def check_ledger_time:
  handled_at as $at
  | workflow.name as $name
  | if $at | test("^[0-9]{1,12}$") | not then
      fail("contract"; "retry"; [
        "annotation \(ledger_key("pushed-at")) of main workflow \($name) is not a time in seconds; remove it",
        "(kubectl -n \($config.namespace) annotate workflow \($name) \(ledger_key("pushed-at"))-), then: \(retry)"
      ])
    elif ($at | tonumber) > .now + clock_margin then
      fail("contract"; "retry"; [
        "annotation \(ledger_key("pushed-at")) of main workflow \($name) is \($at), \(($at | tonumber) - .now) s ahead",
        "of this node's clock, so no push would count any more: correct the clock or remove the annotation, then: \(retry)"
      ])
    else empty
    end;

# If QA was restarted on the pushed head, the push is handled, whatever its time: two copies of one push may have different
# times.
def check_handled:
  handled_heads as $heads
  | if resumed | not then empty
    elif ledger.run == .push.run and (by_hand or ledger.pushed == .push.after) then
      need_pulls_to_comment,
      conclude("remediated"; ["this run resumed the main workflow before its pod was started again"])
    elif (by_hand | not) and (.push.after | IN($heads[])) then
      conclude("already-remediated"; ["this head was handled by run \(ledger.run // "")"])
    else empty
    end;

# No branch is at the pushed commit any more. There is nothing left to do if this push was handled together with a push on
# top of it, if QA was restarted on the current heads, or if it was restarted for a push that is certainly newer.
def check_overtaken:
  handled_heads as $heads
  | if (is_overtaken and resumed) | not then empty
    elif .push.after == ledger.pushed then conclude("already-remediated"; ["this push was handled by run \(ledger.run // "")"])
    elif .push.pushedAt < (handled_at | tonumber) - $clock_skew
      or (.branches != [] and all(.branches[].sha; IN($heads[]))) then
      conclude("superseded"; ["a newer push (\((ledger.head // "")[:12])) was handled by run \(ledger.run // "")"])
    else empty
    end;

# Either a newer push has its own run, or somebody pushed on top of Rex. A newer run that ended as held handled nothing, and
# neither did one that Argo refused, which has no outcome. A run from `argo resubmit` has the outcome label of the original
# run until it gets its own.
def ended_as_held: (.phase | IN("Succeeded", "Failed", "Error")) and .outcome == "held";
def never_begun: (.phase | IN("Error", "Failed")) and .outcome == null;

def check_newer_run:
  head as $head
  | .push as $mine
  | if is_overtaken | not then empty
    elif .runs == null then need("runs")
    else
      first(
        .runs[]
        | select(.name != $mine.run)
        | select((ended_as_held or never_begun) | not)
        | select(.repository // "" | ascii_downcase == ($mine.repository | ascii_downcase))
        | select(.pushedAt > $mine.pushedAt or (.pushedAt == $mine.pushedAt and .after == $head))
        | conclude("superseded"; ["a newer push has run \(.name)"])
      )
    end;

# A remediation that has begun always finishes, even if the pull request was closed meanwhile.
def check_pull_request:
  if begun or .pulls != [] then empty
  else
    conclude("no-pull-request"; ["no open pull request of \($config.repository) comes from a branch of task \($config.task)"])
  end;

# A remediation that has begun always finishes: a main workflow that is left half reset is worse than a hold that came too late.
def held: [.pulls[] | select(.held) | "#\(.number)"] | join(", ");

def check_hold:
  if begun or held == "" then empty
  else
    conclude("held"; [
      "label \($config.pull.holdLabel) is on pull request \(held): a person holds task \($config.task); nothing was touched;",
      "to continue, take the label off, then: \(resubmit)"
    ])
  end;

# If labels contradict each other, only the people who created the CodeRun know whose it is.
def check_contradictions:
  [targets[] | "\(.metadata.name) (\(contradiction))"] as $all
  | if $all == [] then empty
    else
      fail("ambiguous"; "retry"; [
        "the labels of some \($config.codeRun.resource) of task \($config.task) contradict one another: \($all | few);",
        untouched,
        "correct the labels or delete the wrong CodeRuns (\(see_coderuns) --show-labels), then: \(retry)"
      ])
    end;

# Nobody knows which agent was meant, and QA must not begin again beside an agent that is at work.
def check_near_misses:
  [
    .codeRuns[]
    | near_miss as $listed
    | select($listed != null)
    | "\(.metadata.name) (\($config.codeRun.agentLabel)=\(agent), listed is \($listed))"
  ] as $all
  | if $all == [] then empty
    else
      fail("ambiguous"; "retry"; [
        "agents of some \($config.codeRun.resource) of task \($config.task) differ from listed agents only in spelling: \($all | few);",
        untouched,
        "correct the label or delete the wrong CodeRuns (\(see_coderuns) --show-labels), then: \(retry);",
        "or list that spelling too, in agents.toCancel (pulumi up), then: \(resubmit)"
      ])
    end;

# So many agents of one task mean that something starts agents without end, or that labels are wrong. A retried run keeps the
# limit that it began with. A resubmitted one has the new limit.
def check_number_of_targets:
  targets as $targets
  | if ($targets | length) <= $config.agents.maxToCancel then empty
    else
      fail("ambiguous"; "retry"; [
        "task \($config.task) has \($targets | length) agents to cancel, more than agents.maxToCancel (\($config.agents.maxToCancel)):",
        "\([$targets[].metadata.name] | few);",
        untouched,
        "see which: \(see_coderuns); delete those that should not be there, then: \(retry);",
        "or raise agents.maxToCancel (pulumi up), then: \(resubmit)"
      ])
    end;

def position:
  workflow.stage as $stage
  | if $stage == null then "before"
    else
      ($config.main.stages | index([$stage])) as $at
      | if $at == null then "unknown"
        elif $at <= ($config.main.stages | index([$config.main.resetStage])) then "before"
        else "after"
        end
    end;

def check_stage:
  if position != "unknown" then empty
  else
    fail("contract"; "resubmit"; [
      "main workflow \(workflow.name) is at stage \(workflow.stage), which is not one of the configured stages",
      "\($config.main.stages | tojson): add it to mainWorkflow.stages (pulumi up), then: \(resubmit);",
      "or correct the label \($config.main.stageLabel), then: \(retry)"
    ])
  end;

# A push may arrive late. Agents that began a round after it work on its head and must not be cancelled. A round begins with
# the first agent of the list. An agent from before the push that is still at work is stale. The ready label is stale, too,
# as long as no agent of a new round has ended.
def began_after_the_push:
  .push.pushedAt as $pushed
  | any(.pulls[]; .ready) as $ready
  | [
      .codeRuns[]
      | select(agent | IN($config.agents.toCancel[]))
      | select(of_this_repository($config.codeRun.repositoryLabel))
      | {agent: agent, finished: finished, at: (.metadata.creationTimestamp | fromdateiso8601)}
    ]
  | sort_by(.at)
  | (map(select(.at > $pushed - $clock_skew)) | first) as $first
  | [.[] | select(.agent == $config.agents.toCancel[0] and .at > $pushed + $clock_skew)] as $rounds
  | $first != null
    and $first == $rounds[0]
    and all(.[]; .finished or .at > $pushed + $clock_skew)
    and (($ready | not) or any($rounds[]; .finished));

# Rex often pushes while it is still implementing. Then nothing depends on the old head. Once a remediation has begun, nothing
# may look stale although the main workflow is only half reset.
def check_stale:
  if begun then empty
  elif position == "before" and targets == [] and (any(.pulls[]; .ready) | not) then
    conclude("nothing-stale"; [
      "no listed agent is at work, no pull request is labelled \($config.pull.readyLabel),",
      "and the stage is not past \($config.main.resetStage)"
    ])
  elif (is_overtaken | not) and began_after_the_push then
    conclude("nothing-stale"; [
      "QA began at least \($clock_skew) s after this push, so it began on its head:",
      "the push came late (it was redelivered, or waited long in the queue)"
    ])
  else empty
  end;

# This check runs before anything is changed. stop-qa checks again before each deletion.
def check_owned:
  if targets == [] then empty
  elif .allCodeRuns == null then need("all-coderuns")
  else
    untouched as $untouched
    | [targets[].metadata] as $targets
    | .allCodeRuns
    | others_owned_by($targets)
    | if . == [] then empty
      else
        fail("ambiguous"; "retry"; ["some \($config.codeRun.resource) would be deleted together with their owners, which this run cancels:"]
          + owned_words($untouched))
      end
  end;

# If Argo stores the nodes compressed or offloaded, writing a single node would make it lose all others.
def check_writable:
  workflow.name as $name
  | if workflow.packed | not then empty
    else
      fail("contract"; "retry"; [
        "main workflow \($name) stores its node status compressed or offloaded, so this run cannot open its gate;",
        "nothing was touched: end its agents, then:",
        "kubectl -n \($config.namespace) label --overwrite workflow \($name) \($config.main.stageLabel)=\($config.main.resetStage);",
        "\($config.argo) resume \($name) (through the Argo server if it is offloaded); or make the workflow smaller"
      ])
    end;

# What can be decided without a call to GitHub, which only a run by hand needs, to learn the head.
def decision_on_ledger:
  first(
    check_main_workflow,
    check_present_head,
    check_ledger_time,
    check_handled,
    {need: (if .branches == null then ["branches", "pulls-of-head", "coderuns"] else ["pulls", "coderuns"] end)}
  );

def decision_on_owned:
  first(
    check_owned,
    check_writable,
    (if $env.DRY_RUN == "true" then conclude("dry-run"; ["a dry run: nothing is touched"]) else empty end),
    (conclude("remediate"; ["something is left from the old head"]) + {begin: true})
  );

def decision_on_agents:
  first(
    check_overtaken,
    check_newer_run,
    (if .pulls == null then need("pulls") else empty end),
    check_pull_request,
    check_hold,
    check_contradictions,
    check_near_misses,
    check_number_of_targets,
    check_stage,
    check_stale,
    decision_on_owned
  );

# --------------------------------------------------------------- words and the plan

def log_lines($decision): [
  (select(.mainWorkflows != null and begun)
    | "run \(ledger.run // "") began (\((ledger.pushed // "")[:12])) but did not finish; this run finishes its work"),
  (select(.runs != null and $decision.outcome != "superseded")
    | "the branch is not at the pushed commit any more: somebody pushed on top of it"),
  (select(.pulls != null and begun and held != "")
    | "label \($config.pull.holdLabel) is on pull request \(held), but a remediation that has begun always finishes")
];

def shown: {name: .metadata.name, uid: .metadata.uid, agent: agent, created: .metadata.creationTimestamp};

def plan_on_ledger:
  .push
  + (workflow | if . == null then {} else {workflow: {name, uid, stage, ledger}} end)
  + (if .branches == null then {} else {branches: .branches, head: head} end)
  + (if .pullsToComment.pulls == null then {} else {pulls: .pullsToComment.pulls} end);

def plan:
  plan_on_ledger
  + (if .pulls == null then {} else {pulls: .pulls} end)
  + {
      targets: [targets[] | shown],
      leftAlone: [.codeRuns[] | why_not as $why | select($why != null) | {name: .metadata.name, agent: agent, why: $why}]
    };

def plan_lines: [
  "task \(.task), \(if .byHand then "by hand" else "pushed \(.after[:12])" end), head \((.head // "unknown")[:12])",
  (.workflow // empty | "main workflow \(.name) at stage \(.stage)"),
  (.pulls // [] | .[]
    | "pull request #\(.number)\(if .ready then ", labelled ready" else "" end)"
      + if .labelled then "" else ", found by its branch: it lacks the task label" end),
  (.targets // [] | .[] | "cancel \(.name) (\(.agent), since \(.created))"),
  (.leftAlone // [] | .[] | "leave \(.name): \(.why)")
];

def decide(decision; plan):
  .[0] as {$needs, $now}
  | .[1:] as $answers
  | reduce range($needs | length) as $at (.[0].facts | .now = $now; with_answer($needs[$at]; $answers[$at]))
  | decision as $decision
  | (plan + if $decision.begin then {round: round} else {} end) as $plan
  # If this push does not count, what it would touch is not shown.
  | ($plan | if $decision.outcome | IN("superseded", "no-pull-request", "held") then del(.targets, .leftAlone) else . end) as $plan
  | {facts: ., $decision, log: log_lines($decision), plan: $plan, shown: ($plan | plan_lines)};

def decide_on_ledger: decide(decision_on_ledger; plan_on_ledger);
def decide_on_agents: decide(decision_on_agents; plan);
def decide_on_owned: decide(decision_on_owned; plan);
