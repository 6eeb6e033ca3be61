# shellcheck shell=bash disable=SC2016,SC2034 # in jq's texts, $ is jq's; the steps use what is set here
# The task's CodeRuns: which may be cancelled, and why the others may not.

readonly CODERUNS="/apis/$CODERUN_GROUP/$CODERUN_VERSION/namespaces/$NAMESPACE/$CODERUN_RESOURCE"

list_task_coderuns() {
  must_kube "list the task's $CODERUN_RESOURCE" GET \
    "$CODERUNS?labelSelector=$(uri "$CODERUN_TASK_LABEL=$TASK")"
}

# The CodeRuns that a remediation of this task may cancel: a listed agent's, of
# this repository, not finished. Reads a list from $ANSWER. One is contradicted by a
# label of the same name in another domain with another value, and by one whose value
# names the pusher: then it may be someone else's. A near miss is an unfinished one of this
# repository whose agent is a listed one but for case and for what stands between letters and
# digits: then QA may still be at work under it. Of two such names that are both listed neither is one.
readonly CANCELLABLE='
  def agent: .metadata.labels[$agent_label] // "";
  def finished: (.status.phase // "") | IN($finished_phases[]);
  def foreign: if (agent | IN($agents[]) | not) then "agent \(agent | if . == "" then "unknown" else . end) is not in the cancel list"
    elif (of_this_repository($repository_label) | not) then "it does not name this repository"
    else null end;
  def why_not: foreign // if finished then "it has finished (\(.status.phase))" else null end;
  def shown: {name: .metadata.name, uid: .metadata.uid, agent: agent, created: .metadata.creationTimestamp};
  def name_part: split("/") | last | ascii_downcase;
  def meant: [{key: $agent_label, value: agent}, {key: $task_label, value: $task},
    {key: $repository_label, value: $repositories[$repository | ascii_downcase]}];
  def contradiction: meant as $meant
    | .metadata.labels // {} | to_entries | map(select(.key | IN($meant[].key) | not) | . as $other
      | [$meant[] | select((.key | name_part) == ($other.key | name_part))] as $namesakes
      | if $namesakes == [] then select(.value | ascii_downcase | IN($pusher_names[])) | $meant[0]
        else $namesakes[] | select((.value | ascii_downcase) != ($other.value | ascii_downcase)) end
      | "\($other.key)=\($other.value) contradicts \(.key)=\(.value)")
    | .[0] // empty;
  def plain: ascii_downcase | gsub("[^a-z0-9]+"; "-");
  def near_miss: agent as $agent
    | if ($agent | IN($agents[])) or finished or (of_this_repository($repository_label) | not) then null
      else first($agents[] | select(plain == ($agent | plain))) // null end;'
readonly FEW='def few: .[:3] + (if length > 3 then ["and \(length - 3) more"] else [] end) | join(", ");'

with_coderuns() {
  local program=$1
  shift
  with_repository "$CANCELLABLE $program" --argjson agents "$AGENTS" --arg agent_label "$CODERUN_AGENT_LABEL" \
    --arg repository_label "$CODERUN_REPOSITORY_LABEL" --argjson finished_phases "$CODERUN_FINISHED_PHASES" \
    --arg task_label "$CODERUN_TASK_LABEL" --arg task "$TASK" --argjson pusher_names "$PUSHER_NAMES" "$@" "$ANSWER"
}

# What a CodeRun owns goes along when it goes, by garbage collection, which no admission policy
# sees. So nothing is deleted while a target owns, at any depth, what may not be cancelled; also where
# a second owner would keep that, if it stays. A listed agent's of this task and repository may go
# along: it is a target, it has finished, and its agent is done, or it came after the plan. What hangs
# between the two by another kind, as a Job, cannot be seen.
# stop_if_others_go_along PLAN-FILE WHAT-WAS-NOT-TOUCHED
stop_if_others_go_along() {
  local along=()
  accept=$METADATA_LIST must_kube "list all $CODERUN_RESOURCE" GET "$CODERUNS"
  with_coderuns "$FEW"'
    # Names of targets by the UIDs of what they own, and by their own.
    def owned($all): length as $before
      | reduce $all[].metadata as $one (.; . as $known
        | ([$one.ownerReferences // [] | .[].uid | $known[.] // empty][0]) as $target
        | if has($one.uid) or $target == null then . else .[$one.uid] = $target end)
      | if length == $before then . else owned($all) end;
    (.items // []) as $all
    | ($plan[0].targets | map({(.uid): .name}) | add) as $targets
    | ($targets | owned($all)) as $owned
    | [$all[] | select((.metadata.uid | in($owned)) and (.metadata.uid | in($targets) | not))
      | (if .metadata.labels[$task_label] == $task then foreign // contradiction
         else "it is of \(.metadata.labels[$task_label] | if . == null then "no task" else "task \(.)" end)" end) as $why
      | {name: .metadata.name, $why, target: $owned[.metadata.uid], owners: .metadata.ownerReferences}
      | .at = ([.owners[].uid | in($owned)] | index(true)) | .owner = .owners[.at].name]
    | if . == [] then empty else
        (map("\(.name) (owned by \(.owner)\(if .owner == .target then "" else ", below \(.target)" end); \(.why))") | few),
        .[0].name, .[0].at end' --slurpfile plan "$1" --raw-output >"$SCRATCH/along"
  mapfile -t along <"$SCRATCH/along"
  ((${#along[@]} == 0)) ||
    fail "some $CODERUN_RESOURCE would go along with their owners, which this run cancels: ${along[0]}; $2take off each one's ownerReference (the first one's: kubectl -n $NAMESPACE patch $CODERUN_RESOURCE.$CODERUN_GROUP ${along[1]} --type json -p '[{\"op\":\"remove\",\"path\":\"/metadata/ownerReferences/${along[2]}\"}]') or end it yourself, then: $ARGO retry $RUN_NAME"
}

# An agent that may be cancelled and is in no plan was started after the plan, on a
# head that nobody can vouch for; of a near miss plan says what is to be done.
plan_again_if_agents_came() {
  local came
  list_task_coderuns
  came=$(with_coderuns '[.items[] | select(why_not == null or near_miss != null) | .metadata.name] | join(", ")' --raw-output)
  [[ -z $came ]] || plan_again "meanwhile started: $came"
}
