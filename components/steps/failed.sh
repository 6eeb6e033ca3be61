# shellcheck shell=bash disable=SC2016 # in jq's texts, $ is jq's
# failed: the exit handler of a run that did not succeed. Says on the run, on the main
# workflow and on the pull requests which step failed, on what, and the command that carries on.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/main-workflow.sh
source "${BASH_SOURCE%/*}/main-workflow.sh"
# shellcheck source=components/steps/github.sh
source "${BASH_SOURCE%/*}/github.sh"
# shellcheck source=components/steps/token.sh
source "${BASH_SOURCE%/*}/token.sh"
# shellcheck source=components/steps/pull-requests.sh
source "${BASH_SOURCE%/*}/pull-requests.sh"
# shellcheck source=components/steps/comment.sh
source "${BASH_SOURCE%/*}/comment.sh"

main() {
  local words
  words=$(failed_step)
  label_run failed
  annotate_main_workflows "$words"
  log "$words"
  [[ $PULL_REQUEST_COMMENTS != true ]] || comment "$words"
}

# $FAILURES is a list of Argo's, as JSON in a JSON string, with one entry for the pod and
# one a container. When a container ends early, the others end with 64 (their
# dependency failed) or 143 (ended from outside): those are not the cause. A pod that was
# tried three times mostly says the same three times: once is enough.
failed_step() {
  jq -rn --arg failures "$FAILURES" --arg status "$WORKFLOW_STATUS" '
    def list: if type == "string" then (fromjson? // []) | list elif type == "array" then . else [] end;
    def steps: ["plan", "stop-qa", "restart-qa", "main"];
    def words: (.displayName | if . == "main" then "record" else . end) as $step
      | (.message // "ended without a word") | sub("^([a-z-]+: )?Error \\(exit code [0-9]+\\): (?=.)"; "") | sub("\\s+$"; "")
      | if startswith("\($step): ") then . else "\($step): \(.)" end;
    [$failures | list | .[] | select(type == "object") | select(.displayName | IN(steps[]))
      | select(.message // "" | test("exit code (64|143)") | not)] as $causes
    | if ($causes | length) > 0 then $causes | map(words) | reduce .[] as $each ([]; if any(.[]; . == $each) then . else . + [$each] end) | join("; ")
      else "the run ended as \($status) before a step could say why" end
    | gsub("[[:cntrl:]]"; " ") | .[:900]'
}

# Several main workflows may be the reason for the failure: each is told.
annotate_main_workflows() {
  local name
  find_main_workflows
  while IFS= read -r name; do
    note_outcome "$name" failed "$RUN_NAME: $1 | when mended: $ARGO $(verb_to_go_on "$1") $RUN_NAME"
  done < <(jq -r '.[].metadata.name' "$SCRATCH/main-workflows")
}

# The plan was lost with its pod: so it is all open pull requests of the task's branches.
comment() {
  local number
  as_a_courtesy
  mint_token "$READ_AND_LABEL"
  read_branches
  read_pull_requests
  {
    printf '**The remediation of %s failed**, and is not done.\n\n' "$(as_code "${AFTER:-the present head}")"
    printf -- '- why: %s\n' "$(as_code "$1")"
    printf -- '- run %s\n' "$(run_words)"
    printf -- '- when mended: %s\n' "$(as_code "$ARGO $(verb_to_go_on "$1") $RUN_NAME")"
    printf -- '- or anew, for the present head: %s\n' "$(anew_words)"
  } >"$SCRATCH/words"
  while IFS= read -r number; do
    comment_on_pull "$number" "${AFTER:-$RUN_NAME}"
  done < <(jq -r '.[].number' "$SCRATCH/pulls")
}

# A retried run keeps the configuration that it began with. What a policy refused, because
# it was changed since, it would refuse once more; and some steps know no way out but
# another configuration, and say so.
verb_to_go_on() {
  case $1 in
    *ValidatingAdmissionPolicy*) printf resubmit ;;
    *" retry $RUN_NAME"*) printf retry ;;
    *" resubmit $RUN_NAME"*) printf resubmit ;;
    *) printf retry ;;
  esac
}

main
