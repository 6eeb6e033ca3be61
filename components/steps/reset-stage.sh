# shellcheck shell=bash disable=SC2016 # in jq's texts, $ is jq's
# reset-stage: sets the main workflow's stage back in a guarded patch; then looks once
# more whether an agent or the ready label came back meanwhile.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/coderuns.sh
source "${BASH_SOURCE%/*}/coderuns.sh"
# shellcheck source=components/steps/main-workflow.sh
source "${BASH_SOURCE%/*}/main-workflow.sh"
# shellcheck source=components/steps/github.sh
source "${BASH_SOURCE%/*}/github.sh"
# shellcheck source=components/steps/ready-label.sh
source "${BASH_SOURCE%/*}/ready-label.sh"

main() {
  only_when_planned
  until stage_is_reset; do
    guarded_patch 'as_read + stage($reset_stage)'
    write_main_workflow "stage $RESET_STAGE"
  done
  plan_again_if_agents_came
  check_labels
  finish "stage of $(jq -r .workflow.name "$PLAN") is $RESET_STAGE (it was $(jq -r '.workflow.stage // "unset"' "$PLAN"))"
}

# While an agent's node ends, the main workflow may write its next stage over ours: it
# does so once. The resume patch writes the stage again in any case.
stage_is_reset() {
  read_main_workflow
  must_be_unfinished
  must_be_ours
  jq -e --arg key "$MAIN_WORKFLOW_STAGE_LABEL" --arg stage "$RESET_STAGE" '.metadata.labels[$key] == $stage' \
    "$SCRATCH/workflow" >/dev/null
}

# A dying agent may have put the label back.
check_labels() {
  local number numbers
  mapfile -t numbers < <(jq -r '.pulls[].number' "$PLAN")
  for number in "${numbers[@]}"; do
    github GET "/repos/$REPOSITORY/issues/$number/labels?per_page=100" ||
      fail "cannot read the labels of pull request #$number: $(github_words 404)"
    if answer_has_ready_label; then
      log "$READY_LABEL is back on pull request #$number"
      remove_ready_label "$number"
    fi
  done
}

main
