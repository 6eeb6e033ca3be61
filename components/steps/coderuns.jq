include "config";
def coderuns_in_full: "\($config.codeRun.resource).\($config.codeRun.group)";

# A remediation of this task may cancel a CodeRun if its agent is listed, it belongs to this repository, and it has not finished.
def agent: .metadata.labels[$config.codeRun.agentLabel] // "";

def finished: (.status.phase // "") | IN($config.codeRun.finishedPhases[]);

def foreign:
  if (agent | IN($config.agents.toCancel[]) | not) then
    "agent \(agent | if . == "" then "unknown" else . end) is not in the cancel list"
  elif (of_this_repository($config.codeRun.repositoryLabel) | not) then "it does not name this repository"
  else null
  end;

def why_not: foreign // if finished then "it has finished (\(.status.phase))" else null end;

# A CodeRun may belong to someone else if one of its labels contradicts the identifying labels: it has the same name in another domain
# but another value, or its value names the pusher.
def name_part: split("/") | last | ascii_downcase;

def identifying_labels: [
  {key: $config.codeRun.agentLabel, value: agent},
  {key: $config.codeRun.taskLabel, value: $config.task},
  {key: $config.codeRun.repositoryLabel, value: $config.repositories[$config.repository | ascii_downcase]}
];

def contradiction:
  identifying_labels as $identifying
  | [
      .metadata.labels // {}
      | to_entries[]
      | select(.key | IN($identifying[].key) | not)
      | . as $other
      | [$identifying[] | select((.key | name_part) == ($other.key | name_part))] as $namesakes
      | if $namesakes == [] then select(.value | ascii_downcase | IN($config.agents.pusherNames[])) | $identifying[0]
        else $namesakes[] | select((.value | ascii_downcase) != ($other.value | ascii_downcase))
        end
      | "\($other.key)=\($other.value) contradicts \(.key)=\(.value)"
    ]
  | .[0] // empty;

# A near miss is an unfinished CodeRun of this repository whose agent differs from a listed one only in case and in the characters
# between letters and digits. QA may still be at work there. A listed agent is no near miss. The result is the listed agent, or null.
def plain: ascii_downcase | gsub("[^a-z0-9]+"; "-");

def near_miss:
  agent as $agent
  | if ($agent | IN($config.agents.toCancel[])) or finished or (of_this_repository($config.codeRun.repositoryLabel) | not) then null
    else first($config.agents.toCancel[] | select(plain == ($agent | plain))) // null
    end;

def few: .[:3] + (if length > 3 then ["and \(length - 3) more"] else [] end) | join(", ");

# From a list of all CodeRuns: those that the garbage collector deletes together with the targets, which are a list of {name, uid}.
# Owners are found by UID, at any depth. The result is {UID: name of the target}, and includes the targets.
def owned_by($targets):
  def owned($all):
    length as $before
    | reduce $all[].metadata as $one (.;
        . as $known
        | ([$one.ownerReferences // [] | .[].uid | $known[.] // empty][0]) as $target
        | if has($one.uid) or $target == null then . else .[$one.uid] = $target end)
    | if length == $before then . else owned($all) end;
  . as $all | ($targets | map({(.uid): .name}) | add // {}) | owned($all);

# Those of them that may not be cancelled. A CodeRun of a listed agent, this task and this repository may be deleted: it is a target, it
# has finished, or it started after the plan.
def others_owned_by($targets):
  . as $all
  | owned_by($targets) as $owned
  | [
      $all[]
      | select((.metadata.uid | in($owned)) and (.metadata.uid | IN($targets[].uid) | not))
      | .metadata.labels[$config.codeRun.taskLabel] as $task
      | (if $task == $config.task then foreign // contradiction
         else "it belongs to \(if $task == null then "no task" else "task \($task)" end)"
         end) as $why
      | {name: .metadata.name, $why, target: $owned[.metadata.uid], owners: .metadata.ownerReferences}
      | .at = ([.owners[].uid | in($owned)] | index(true))
      | .owner = .owners[.at].name
    ];

# The end of the failure's message about them.
def owned_words($untouched):
  [
    (map("\(.name) (owned by \(.owner)\(if .owner == .target then "" else ", below \(.target)" end); \(.why))") | few) + ";",
    $untouched,
    "remove each one's ownerReference (the first one's: kubectl -n \($config.namespace) patch \(coderuns_in_full)",
    "\(.[0].name) --type json -p '[{\"op\":\"remove\",\"path\":\"/metadata/ownerReferences/\(.[0].at)\"}]')",
    "or delete it yourself, then: \($config.argo) retry \($config.run)"
  ];
