# shellcheck shell=bash disable=SC2016 # in jq's texts, $ is jq's
# failed: the exit handler of a run that did not succeed. Says on the run and on the
# main workflow which step failed, on what, and the command that carries on.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/main-workflow.sh
source "${BASH_SOURCE%/*}/main-workflow.sh"

main() {
  local words
  words=$(failed_step)
  label_run failed
  annotate_main_workflows "$words"
  log "$words"
}

# $FAILURES is a list of Argo's, as JSON in a JSON string, with one entry for the pod and
# one a container. When a container ends early, the others end with 64 (their
# dependency failed) or 143 (ended from outside): those are not the cause.
failed_step() {
  jq -rn --arg failures "$FAILURES" --arg status "$WORKFLOW_STATUS" '
    def list: if type == "string" then (fromjson? // []) | list elif type == "array" then . else [] end;
    def steps: ["plan", "cancel-agents", "remove-label", "reset-stage", "resume", "main"];
    [$failures | list | .[] | select(type == "object") | select(.displayName | IN(steps[]))
      | select(.message // "" | test("exit code (64|143)") | not)] as $causes
    | if ($causes | length) > 0 then $causes | map("\(.displayName | if . == "main" then "record" else . end): \(.message // "ended without a word")") | join("; ")
      else "the run ended as \($status) before a step could say why" end
    | gsub("[[:cntrl:]]"; " ") | .[:900]'
}

# Several main workflows may be the reason for the failure: each is told.
annotate_main_workflows() {
  local name
  find_main_workflows
  while IFS= read -r name; do
    note_outcome "$name" failed "$RUN_NAME: $1 | when mended: argo -n $NAMESPACE retry $RUN_NAME"
  done < <(jq -r '.[].metadata.name' "$SCRATCH/main-workflows")
}

main
