# shellcheck shell=bash
# failed: the exit handler of a run that did not succeed. Says on the run, on the main
# workflow and on the pull requests which step failed, on what, and the command that carries on;
# or, where all was done and only something around it failed, how it ended, and what failed.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/main-workflow.sh
source "${BASH_SOURCE%/*}/main-workflow.sh"
# shellcheck source=components/steps/outcome.sh
source "${BASH_SOURCE%/*}/outcome.sh"
# shellcheck source=components/steps/github.sh
source "${BASH_SOURCE%/*}/github.sh"
# shellcheck source=components/steps/token.sh
source "${BASH_SOURCE%/*}/token.sh"
# shellcheck source=components/steps/pull-requests.sh
source "${BASH_SOURCE%/*}/pull-requests.sh"
# shellcheck source=components/steps/comment.sh
source "${BASH_SOURCE%/*}/comment.sh"

main() {
  local words outcome=failed
  words=$(failed_step)
  # Where that cannot be read, it has failed, for all that anybody can know.
  find_outcome &
  if wait "$!"; then outcome=$(<"$SCRATCH/outcome"); fi
  case $outcome in
    failed) say_failed "$words" ;;
    remediated) say_remediated "$(all_the_same "$words")" ;;
    *) log "$outcome; $(all_the_same "$words")" ;;
  esac
}

# Leaves in $SCRATCH/outcome how the run ended, whatever became of its pods, and in $SCRATCH/ledger what
# stands of it on main workflows. What it began and did not resume has failed; what it resumed is
# remediated. Else what `record` said stands, if one of them came to its end: a label by itself
# may be that of the run that this one was resubmitted from.
find_outcome() {
  list_main_workflows ""
  jq "$ABOUT_MAIN_WORKFLOW"'
    main_workflows | map(select(.ledger.run == $config.run) | .ledger + {name, ended: (.ended != null)})' \
    "$ANSWER" >"$SCRATCH/ledger"
  must_kube "read run $RUN_NAME" GET "$WORKFLOWS/$RUN_NAME"
  jq -r --arg key "$OUTCOME_LABEL" --slurpfile ledger "$SCRATCH/ledger" '
    if any($ledger[0][]; .resumed == "false") then "failed"
    elif any($ledger[0][]; .resumed == "true") then "remediated"
    elif any(.status.nodes[]?; .type == "Container" and .displayName == "main" and .phase == "Succeeded") then
      .metadata.labels[$key] // "failed"
    else "failed" end' "$ANSWER" >"$SCRATCH/outcome"
}

all_the_same() {
  printf 'Argo ended the run as %s all the same, with nothing left to do: %s' "$WORKFLOW_STATUS" "$1"
}

say_failed() {
  label_run failed
  annotate_main_workflows "$1"
  log "$1"
  [[ $PULL_REQUEST_COMMENTS != true ]] || comment "$1"
}

say_remediated() {
  local name
  label_run remediated
  while IFS= read -r name; do
    note_outcome "$name" remediated "QA restarted by $RUN_NAME; $1"
  done < <(jq -r '.[] | select(.ended | not) | .name' "$SCRATCH/ledger")
  log "remediated; $1"
  [[ $PULL_REQUEST_COMMENTS != true ]] || comment_on_restart "$1"
}

# $FAILURES is a list of Argo's, as JSON in a JSON string, with one entry for the pod and
# one a container. When a container ends early, the others end because of that (see exitCodes
# in components/vocabulary/steps.ts): those are not the cause. A pod that was
# tried three times mostly says the same three times: once is enough. What a pod says itself is a
# cause of its own where it is not a step's: of Argo's containers `init` and `wait`, or that the pod was lost.
failed_step() {
  jq -rn --arg failures "$FAILURES" --arg status "$WORKFLOW_STATUS" --arg run "$RUN_NAME" "$VOCABULARY"'
    def list: if type == "string" then (fromjson? // []) | list elif type == "array" then . else [] end;
    def words: (.displayName | step_of_container) as $step
      | (.message // "ended without a word") | sub("^([a-z-]+: )?Error \\(exit code [0-9]+\\): (?=.)"; "") | sub("\\s+$"; "")
      | if startswith("\($step): ") then . else "\($step): \(.)" end;
    def of_a_step: select(.displayName | IN(step_containers[])) | select(.message // "" | ended_by_others | not) | words;
    def of_a_pod: select(.displayName // "" | startswith("\($run)(")) | .message // "" | split("\n")[0] // ""
      | select(. != "" and ([splits(": ")][0] | IN(step_containers[]) | not))
      | sub("^(?<own>init|wait): (Error \\(exit code 64\\): )?"; "Argo\u0027s container \(.own): ");
    [$failures | list | .[] | select(type == "object")] as $failures
    | ([$failures[] | of_a_step] + [$failures[] | of_a_pod]) as $causes
    | if ($causes | length) > 0 then $causes | reduce .[] as $each ([]; if any(.[]; . == $each) then . else . + [$each] end) | join("; ")
      else "the run ended as \($status) before a step could say why" end
    | gsub("[[:cntrl:]]"; " ") | .[:900]'
}

# Several main workflows may be the reason for the failure: each is told.
annotate_main_workflows() {
  local name
  list_main_workflows ",workflows.argoproj.io/completed!=true"
  while IFS= read -r name; do
    note_outcome "$name" failed "$RUN_NAME: $1 | when mended: $ARGO $(verb_to_go_on "$1") $RUN_NAME"
  done < <(jq -r "$ABOUT_MAIN_WORKFLOW"'main_workflows[] | select(.ended == null) | .name' "$ANSWER")
}

comment() {
  as_a_courtesy
  {
    printf '**The remediation of %s failed**, and is not done.\n\n' "$(as_code "${AFTER:-the present head}")"
    printf -- '- why: %s\n' "$(as_code "$1")"
    printf -- '- run %s\n' "$(run_words)"
    printf -- '- when mended: %s\n' "$(as_code "$ARGO $(verb_to_go_on "$1") $RUN_NAME")"
    printf -- '- or anew, for the present head: %s\n' "$(anew_words)"
  } >"$SCRATCH/words"
  tell comment_on_pull "${AFTER:-$RUN_NAME}"
}

comment_on_restart() {
  as_a_courtesy
  restart_words "$(restarted head)" "$(restarted round)" >"$SCRATCH/words"
  tell tell_restart "$(restarted pushed)" "- warning: $(as_code "$1")"
}

# restarted KEY: what the ledger says of the restart.
restarted() {
  jq -r --arg key "$1" '.[0][$key] // "?"' "$SCRATCH/ledger"
}

# tell HOW HEAD…: the plan was lost with its pod, so it is all open pull requests of the task's branches.
tell() {
  local how=$1 number
  shift
  mint_token "$READ_AND_LABEL"
  read_branches
  read_pull_requests
  while IFS= read -r number; do
    "$how" "$number" "$@"
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
