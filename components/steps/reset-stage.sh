# shellcheck shell=bash disable=SC2154,SC2016 # lib.sh stands before this text; in jq's texts, $ is jq's
# reset-stage: sets the main workflow's stage back, together with the ledger entry
# "begun", in one guarded patch; then looks once more whether an agent or the ready
# label came back meanwhile.

main() {
  only_when_planned
  until reset_is_done; do
    write_reset
  done
  plan_again_if_agents_came
  check_labels
  finish "stage of $(jq -r .workflow.name "$PLAN") is $RESET_STAGE (it was $(jq -r '.workflow.stage // "unset"' "$PLAN"))"
}

# The stage itself is not asked for: while an agent's node ends, the main workflow may
# write its next stage over ours. The resume patch writes it again, with the gate.
reset_is_done() {
  read_main_workflow
  newer_ledger_wins
  jq -e --slurpfile plan "$PLAN" --arg ledger "$LEDGER" '
    .metadata.annotations // {} | .["\($ledger)/run"] == $plan[0].run and .["\($ledger)/pushed"] == $plan[0].after' \
    "$SCRATCH/workflow" >/dev/null
}

# Runs of one task go one after the other; if another stack's run wrote a newer
# entry all the same, it is the one that restarts QA.
newer_ledger_wins() {
  jq -e --slurpfile plan "$PLAN" --arg ledger "$LEDGER" '
    (.metadata.annotations["\($ledger)/pushed-at"] // "0" | tonumber) <= ([$plan[0].pushedAt, ($plan[0].workflow.ledger["pushed-at"] // "0" | tonumber)] | max)' \
    "$SCRATCH/workflow" >/dev/null ||
    plan_again "another run handled a newer push meanwhile"
}

write_reset() {
  guarded_patch '
    $plan[0] as $plan
    | as_read + stage($reset_stage) + ledger({
        head: $plan.head, pushed: $plan.after, run: $plan.run, resumed: "false",
        "pushed-at": ([$plan.pushedAt, (annotation("pushed-at") // "0" | tonumber)] | max | tostring)})'
  write_main_workflow "stage $RESET_STAGE and ledger"
}

# A dying agent may have put the label back.
check_labels() {
  local number numbers
  mapfile -t numbers < <(jq -r '.pulls[].number' "$PLAN")
  for number in "${numbers[@]}"; do
    github GET "/repos/$REPOSITORY/issues/$number/labels?per_page=100" ||
      fail "cannot read the labels of pull request #$number: $(github_words 404)"
    if jq -e --arg key "$READY_LABEL" 'any(.[]; (.name | ascii_downcase) == ($key | ascii_downcase))' "$ANSWER" >/dev/null; then
      log "$READY_LABEL is back on pull request #$number"
      remove_ready_label "$number"
    fi
  done
}

main
