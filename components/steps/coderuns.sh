# shellcheck shell=bash disable=SC2034 # the steps use what is set here
# The task's CodeRuns: which may be cancelled, and why the others may not.

readonly CODERUNS="/apis/$CODE_RUN_GROUP/$CODE_RUN_VERSION/namespaces/$NAMESPACE/$CODE_RUN_RESOURCE"

ABOUT_CODERUNS=$(<"${BASH_SOURCE%/*}/coderuns.jq")

list_task_coderuns() {
  must_kube "list the task's $CODE_RUN_RESOURCE" GET \
    "$CODERUNS?labelSelector=$(uri "$CODE_RUN_TASK_LABEL=$TASK")"
}

list_all_coderuns() {
  accept=$METADATA_LIST must_kube "list all $CODE_RUN_RESOURCE" GET "$CODERUNS"
}

# What a CodeRun owns goes along when it goes, by garbage collection, which no admission policy
# sees. So nothing is deleted while a target owns, at any depth, what may not be cancelled; also where
# a second owner would keep that, if it stays. What hangs between the two by another kind, as a Job,
# cannot be seen.
# stop_if_others_go_along WHAT-WAS-NOT-TOUCHED
stop_if_others_go_along() {
  local words
  list_all_coderuns
  words=$(jq -r --slurpfile plan "$PLAN" --arg untouched "$1" "$ABOUT_CODERUNS"'
    .items // [] | others_that_go_along($plan[0].targets)
    | if . == [] then empty else go_along_words($untouched) | join(" ") end' "$ANSWER")
  [[ -z $words ]] || fail ambiguous "some $CODE_RUN_RESOURCE would go along with their owners, which this run cancels: $words"
}

# An agent that may be cancelled and is in no plan was started after the plan, on a
# head that nobody can vouch for; of a near miss plan says what is to be done.
plan_again_if_agents_came() {
  local came
  list_task_coderuns
  came=$(jq -r "$ABOUT_CODERUNS"'
    [.items[] | select(why_not == null or near_miss != null) | .metadata.name] | join(", ")' "$ANSWER")
  [[ -z $came ]] || plan_again "meanwhile started: $came"
}
