include "config";
def coderuns_in_full: "\($config.codeRun.resource).\($config.codeRun.group)";

# The CodeRuns that a remediation of this task may cancel: a listed agent's, of this repository, not finished.
def agent: .metadata.labels[$config.codeRun.agentLabel] // "";

def finished: (.status.phase // "") | IN($config.codeRun.finishedPhases[]);

def foreign:
  if (agent | IN($config.agents.toCancel[]) | not) then
    "agent \(agent | if . == "" then "unknown" else . end) is not in the cancel list"
  elif (of_this_repository($config.codeRun.repositoryLabel) | not) then "it does not name this repository"
  else null
  end;

def why_not: foreign // if finished then "it has finished (\(.status.phase))" else null end;

# One is contradicted by a label of the same name in another domain with another value, and by one whose value names
# the pusher: then it may be someone else's.
def name_part: split("/") | last | ascii_downcase;

def meant: [
  {key: $config.codeRun.agentLabel, value: agent},
  {key: $config.codeRun.taskLabel, value: $config.task},
  {key: $config.codeRun.repositoryLabel, value: $config.repositories[$config.repository | ascii_downcase]}
];

def contradiction:
  meant as $meant
  | [
      .metadata.labels // {}
      | to_entries[]
      | select(.key | IN($meant[].key) | not)
      | . as $other
      | [$meant[] | select((.key | name_part) == ($other.key | name_part))] as $namesakes
      | if $namesakes == [] then select(.value | ascii_downcase | IN($config.agents.pusherNames[])) | $meant[0]
        else $namesakes[] | select((.value | ascii_downcase) != ($other.value | ascii_downcase))
        end
      | "\($other.key)=\($other.value) contradicts \(.key)=\(.value)"
    ]
  | .[0] // empty;

# A near miss is an unfinished one of this repository whose agent is a listed one but for case and for what stands
# between letters and digits: then QA may still be at work under it. Of two such names that are both listed neither is
# one. Gives the listed agent, or null.
def plain: ascii_downcase | gsub("[^a-z0-9]+"; "-");

def near_miss:
  agent as $agent
  | if ($agent | IN($config.agents.toCancel[])) or finished or (of_this_repository($config.codeRun.repositoryLabel) | not) then null
    else first($config.agents.toCancel[] | select(plain == ($agent | plain))) // null
    end;

def few: .[:3] + (if length > 3 then ["and \(length - 3) more"] else [] end) | join(", ");

# What goes along with targets, a list of {name, uid}, by garbage collection; from a list of all CodeRuns. Owners by
# UID, at any depth: {UID of what goes along or of a target: name of the target}.
def owned_by($targets):
  def owned($all):
    length as $before
    | reduce $all[].metadata as $one (.;
        . as $known
        | ([$one.ownerReferences // [] | .[].uid | $known[.] // empty][0]) as $target
        | if has($one.uid) or $target == null then . else .[$one.uid] = $target end)
    | if length == $before then . else owned($all) end;
  . as $all | ($targets | map({(.uid): .name}) | add // {}) | owned($all);

# Those of them that may not be cancelled. A listed agent's of this task and repository may go along: it is a target,
# it has finished, and its agent is done, or it came after the plan.
def others_that_go_along($targets):
  . as $all
  | owned_by($targets) as $owned
  | [
      $all[]
      | select((.metadata.uid | in($owned)) and (.metadata.uid | IN($targets[].uid) | not))
      | .metadata.labels[$config.codeRun.taskLabel] as $task
      | (if $task == $config.task then foreign // contradiction
         else "it is of \(if $task == null then "no task" else "task \($task)" end)"
         end) as $why
      | {name: .metadata.name, $why, target: $owned[.metadata.uid], owners: .metadata.ownerReferences}
      | .at = ([.owners[].uid | in($owned)] | index(true))
      | .owner = .owners[.at].name
    ];

# From these, where there are any: what the failure says of them.
def go_along_words($untouched):
  [
    (map("\(.name) (owned by \(.owner)\(if .owner == .target then "" else ", below \(.target)" end); \(.why))") | few) + ";",
    $untouched,
    "take off each one's ownerReference (the first one's: kubectl -n \($config.namespace) patch \(coderuns_in_full)",
    "\(.[0].name) --type json -p '[{\"op\":\"remove\",\"path\":\"/metadata/ownerReferences/\(.[0].at)\"}]')",
    "or end it yourself, then: \($config.argo) retry \($config.run)"
  ];
