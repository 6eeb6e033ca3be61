# shellcheck shell=bash
# failed: the exit handler of a run that did not succeed. It writes to the run, the main workflow and the pull requests which step failed,
# why, and which command continues. If the steps did all their work and only something around them failed, it writes the real outcome,
# and the failure as a warning.
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

FAILED=$(<"${BASH_SOURCE%/*}/failed.jq")

main() {
  local words outcome=failed
  jq -cn "$FAILED"'$ENV.FAILURES | why_failed($ENV.RUN_NAME; $ENV.WORKFLOW_STATUS)' >"$SHARED_DIR/ending"
  words=$(jq -r .did "$SHARED_DIR/ending")
  # If the outcome cannot be read, the run counts as failed.
  find_outcome &
  if wait "$!"; then outcome=$(<"$SCRATCH/outcome"); fi
  case $outcome in
    failed) say_failed "$words" ;;
    remediated) say_remediated "$(despite_argo "$words")" ;;
    *) log "$outcome; $(despite_argo "$words")" ;;
  esac
}

# Stores the run's outcome in $SCRATCH/outcome, whatever happened to its pods, and its ledger entries in $SCRATCH/ledger. If it began and
# did not resume a main workflow, it failed. If it resumed one, it is remediated. Otherwise the outcome is the label that `record` set,
# but only if a `record` has succeeded: the label may also come from the run that this one was resubmitted from.
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

despite_argo() {
  printf 'nothing was left to do, but Argo ended the run as %s: %s' "$WORKFLOW_STATUS" "$1"
}

say_failed() {
  label_run failed
  annotate_main_workflows "$1"
  log "$1"
  [[ $PULL_COMMENTS != true ]] || comment "$1"
}

say_remediated() {
  local name
  label_run remediated
  while IFS= read -r name; do
    note_outcome "$name" remediated "QA restarted by $RUN_NAME; $1"
  done < <(jq -r '.[] | select(.ended | not) | .name' "$SCRATCH/ledger")
  log "remediated; $1"
  [[ $PULL_COMMENTS != true ]] || comment_on_restart "$1"
}

# Writes the failure on each main workflow of the task. There may be several, which may be the reason for the failure.
annotate_main_workflows() {
  local name
  list_main_workflows ",workflows.argoproj.io/completed!=true"
  while IFS= read -r name; do
    note_outcome "$name" failed "$RUN_NAME: $1 | once that is fixed: $(continue_command)"
  done < <(jq -r "$ABOUT_MAIN_WORKFLOW"'main_workflows[] | select(.ended == null) | .name' "$ANSWER")
}

comment() {
  only_log_failures
  {
    printf '**The remediation of %s failed** and is not finished.\n\n' "$(as_code "${AFTER:-the current head}")"
    printf -- '- why: %s\n' "$(as_code "$1")"
    printf -- '- run %s\n' "$(run_words)"
    printf -- '- once that is fixed: %s\n' "$(as_code "$(continue_command)")"
    printf -- '- or start a new run, for the current head: %s\n' "$(new_run_words)"
  } >"$SCRATCH/words"
  on_each_pull comment_on_pull "${AFTER:-$RUN_NAME}"
}

comment_on_restart() {
  only_log_failures
  restart_words "$(restarted head)" "$(restarted round)" >"$SCRATCH/words"
  on_each_pull comment_on_earlier_restart "$(restarted pushed)" "- warning: $(as_code "$1")"
}

# restarted KEY: a value of the ledger entry of this restart.
restarted() {
  jq -r --arg key "$1" '.[0][$key] // "?"' "$SCRATCH/ledger"
}

# on_each_pull FUNCTION HEAD…: comments on all open pull requests of the task's branches, because the plan was lost with its pod.
on_each_pull() {
  local action=$1 number
  shift
  mint_token "$READ_AND_LABEL"
  read_branches
  read_pull_requests
  while IFS= read -r number; do
    "$action" "$number" "$@"
  done < <(jq -r '.[].number' "$SCRATCH/pulls")
}

# Prints the command that continues this run.
continue_command() {
  printf '%s %s %s' "$ARGO" "$(jq -r .command "$SHARED_DIR/ending")" "$RUN_NAME"
}

main
