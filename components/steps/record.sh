# shellcheck shell=bash disable=SC2016 # in jq's texts, $ is jq's
# record: says what was found, done and left alone, and how long each part took. The
# outcome goes to the run's output and label, and, where QA was restarted, to the
# main workflow. Nothing is written on a main workflow that was not touched.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/main-workflow.sh
source "${BASH_SOURCE%/*}/main-workflow.sh"

main() {
  local outcome
  [[ -s $PLAN ]] || fail "there is no plan: $PLAN is missing; the plan step has to run first"
  outcome=$(jq -r 'if .outcome == "remediate" then "remediated" else .outcome end' "$PLAN")
  if [[ $outcome == remediated ]]; then
    note_outcome "$(jq -r .workflow.name "$PLAN")" remediated "QA restarted by $RUN_NAME"
  fi
  label_run "$outcome"
  finish "$outcome: $(jq -r 'if .outcome == "remediate" then "QA begins again on head \(.head[:12])" else .reason end' "$PLAN")"
  print_durations
  printf '%s' "$outcome" >"$SHARED_DIR/outcome.new"
  mv "$SHARED_DIR/outcome.new" "$SHARED_DIR/outcome"
}

print_durations() {
  jq -rs '.[] | "\(.step): \(.did) (\(.seconds) s)"' "$SHARED_DIR"/steps/*.json
}

main
