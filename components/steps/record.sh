# shellcheck shell=bash disable=SC2153 # NAME is no misspelling
# record: reports what the run found, did and left alone, and how long each step took. It writes the outcome to the run's outputs and its
# label and, if QA was restarted, also to the main workflow and the pull requests.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/outcome.sh
source "${BASH_SOURCE%/*}/outcome.sh"
# shellcheck source=components/steps/github.sh
source "${BASH_SOURCE%/*}/github.sh"
# shellcheck source=components/steps/comment.sh
source "${BASH_SOURCE%/*}/comment.sh"

REPORT=$(<"${BASH_SOURCE%/*}/report.jq")

main() {
  local outcome
  must_have_plan
  outcome=$(jq -r 'if .outcome == "remediate" then "remediated" else .outcome end' "$PLAN")
  if [[ $outcome == remediated ]]; then
    note_outcome "$(jq -r .workflow.name "$PLAN")" remediated "QA restarted by $RUN_NAME"
  fi
  label_run "$outcome"
  cause=$outcome finish "$(jq -r 'if .outcome == "remediate" then "QA begins again on head \(.head[:12])" else .reason end' "$PLAN")"
  report
  printf '%s' "$outcome" >"$SHARED_DIR/outcome.new"
  mv "$SHARED_DIR/outcome.new" "$SHARED_DIR/outcome"
  [[ $outcome != remediated || $PULL_COMMENTS != true ]] || comment
}

# Writes the run's outputs: how each step ended, its seconds, and the round if QA was restarted.
report() {
  local file
  mkdir -p "$SHARED_DIR/seconds"
  for file in "$SHARED_DIR"/steps/*.json; do
    jq -j .seconds "$file" >"$SHARED_DIR/seconds/$(jq -r .step "$file")"
  done
  jq -j '.round // empty' "$PLAN" >"$SHARED_DIR/round"
  : >>"$SHARED_DIR/planned"
  jq -cs --slurpfile plan "$PLAN" --rawfile planned "$SHARED_DIR/planned" "$REPORT"'
    report($plan[0]; $planned)' "$SHARED_DIR"/steps/*.json >"$SHARED_DIR/report"
  jq -r "$REPORT report_lines" "$SHARED_DIR/report"
}

comment() {
  local number head
  only_log_failures
  [[ $(jq 'has("pulls")' "$PLAN") == true ]] || return 0
  if [[ $(jq -r .outcome "$PLAN") == remediate ]]; then
    head=$(jq -r .after "$PLAN")
    words >"$SCRATCH/words"
    on_each_pull comment_on_pull
  else
    # Another pod of this run restarted QA. Of its plan, only the ledger entry is left.
    head=$(jq -r .workflow.ledger.pushed "$PLAN")
    restart_words "$(jq -r .workflow.ledger.head "$PLAN")" "$(jq -r '.workflow.ledger.round // "?"' "$PLAN")" >"$SCRATCH/words"
    on_each_pull comment_on_earlier_restart
  fi
}

on_each_pull() {
  while IFS= read -r number; do
    "$1" "$number" "$head"
  done < <(jq -r '.pulls[].number' "$PLAN")
}

words() {
  jq -r --arg reset "$MAIN_RESET_STAGE" --arg ready "$PULL_READY_LABEL" --arg pusher "$PUSHER" --argjson now "$EPOCHSECONDS" '
    def code: "`" + gsub("`"; "\u0027") + "`";
    "**QA begins again on \(.head[:12] | code)**, because " +
      (if .byHand then "somebody asked for it."
       elif .head == .after then "\($pusher | code) pushed it."
       else "\($pusher | code) pushed \(.after[:12] | code), and somebody pushed on top of it." end),
    "",
    (if .targets == [] then "- no agent was at work"
     else .targets[] | "- cancelled \(.name | code) (\(.agent | code), \($now - (.created | fromdateiso8601)) s old)" end),
    "- label \($ready | code): \(if any(.pulls[]; .ready) then "taken off" else "was not on" end)",
    "- stage of \(.workflow.name | code): \(.workflow.stage // "none" | code) → \($reset | code)",
    "- round \(.round) of this task"' "$PLAN"
  printf -- '- run %s: %s\n' "$(run_words)" \
    "$(jq -rs '[.[] | select(.step != "record") | "\(.step) \(.seconds) s"] | join(", ")' "$SHARED_DIR"/steps/*.json)"
  printf -- '- to restart it again: %s\n' "$(new_run_words)"
}

main
