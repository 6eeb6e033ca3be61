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
# names the pusher: then it may be someone else's.
readonly CANCELLABLE='
  def agent: .metadata.labels[$agent_label] // "";
  def finished: (.status.phase // "") | IN($finished_phases[]);
  def why_not: if (agent | IN($agents[]) | not) then "agent \(agent | if . == "" then "unknown" else . end) is not in the cancel list"
    elif (of_this_repository($repository_label) | not) then "it does not name this repository"
    elif finished then "it has finished (\(.status.phase))"
    else null end;
  def shown: {name: .metadata.name, uid: .metadata.uid, agent: agent, created: .metadata.creationTimestamp};
  def name_part: split("/") | last | ascii_downcase;
  def meant: [{key: $agent_label, value: agent}, {key: $task_label, value: $task},
    {key: $repository_label, value: $repositories[$repository | ascii_downcase]}];
  def contradiction: meant as $meant
    | .metadata.labels | to_entries | map(select(.key | IN($meant[].key) | not) | . as $other
      | [$meant[] | select((.key | name_part) == ($other.key | name_part))] as $namesakes
      | if $namesakes == [] then select(.value | ascii_downcase | IN($pusher_names[])) | $meant[0]
        else $namesakes[] | select((.value | ascii_downcase) != ($other.value | ascii_downcase)) end
      | "\($other.key)=\($other.value) contradicts \(.key)=\(.value)")
    | .[0] // empty;'

with_coderuns() {
  local program=$1
  shift
  with_repository "$CANCELLABLE $program" --argjson agents "$AGENTS" --arg agent_label "$CODERUN_AGENT_LABEL" \
    --arg repository_label "$CODERUN_REPOSITORY_LABEL" --argjson finished_phases "$CODERUN_FINISHED_PHASES" \
    --arg task_label "$CODERUN_TASK_LABEL" --arg task "$TASK" --argjson pusher_names "$PUSHER_NAMES" "$@" "$ANSWER"
}

# An agent that may be cancelled and is in no plan was started after the plan, on a
# head that nobody can vouch for.
plan_again_if_agents_came() {
  local came
  list_task_coderuns
  came=$(with_coderuns '[.items[] | select(why_not == null) | .metadata.name] | join(", ")' --raw-output)
  [[ -z $came ]] || plan_again "meanwhile started: $came"
}
