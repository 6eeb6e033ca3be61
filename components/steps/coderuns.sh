# shellcheck shell=bash disable=SC2034 # the steps use what is set here
# The task's CodeRuns: which of them may be cancelled, and why the others may not.

readonly CODERUNS="/apis/$CODE_RUN_GROUP/$CODE_RUN_VERSION/namespaces/$NAMESPACE/$CODE_RUN_RESOURCE"

ABOUT_CODERUNS=$(<"${BASH_SOURCE%/*}/coderuns.jq")

list_task_coderuns() {
  must_kube "list the task's $CODE_RUN_RESOURCE" GET \
    "$CODERUNS?labelSelector=$(uri "$CODE_RUN_TASK_LABEL=$TASK")"
}

list_all_coderuns() {
  accept=$METADATA_LIST must_kube "list all $CODE_RUN_RESOURCE" GET "$CODERUNS"
}

# stop_if_others_owned WHAT-WAS-NOT-TOUCHED: fails if deleting the targets would delete other CodeRuns that may not be cancelled.
# The garbage collector deletes what a deleted CodeRun owns, at any depth, and no admission policy can prevent that. It fails even if
# a second owner might keep the CodeRun. It cannot see owners of another kind, such as a Job.
stop_if_others_owned() {
  local words
  list_all_coderuns
  words=$(jq -r --slurpfile plan "$PLAN" --arg untouched "$1" "$ABOUT_CODERUNS"'
    .items // [] | others_owned_by($plan[0].targets)
    | if . == [] then empty else owned_words($untouched) | join(" ") end' "$ANSWER")
  [[ -z $words ]] || fail ambiguous "some $CODE_RUN_RESOURCE would be deleted together with their owners, which this run cancels: $words"
}

# Makes a new plan if an agent that may be cancelled has started: nobody knows on which head. For a near miss, the new plan says what to
# do.
plan_again_if_agents_came() {
  local came
  list_task_coderuns
  came=$(jq -r "$ABOUT_CODERUNS"'
    [.items[] | select(why_not == null or near_miss != null) | .metadata.name] | join(", ")' "$ANSWER")
  [[ -z $came ]] || plan_again "agents started meanwhile: $came"
}
