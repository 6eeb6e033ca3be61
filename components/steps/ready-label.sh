# shellcheck shell=bash
# The ready label of a pull request, as GitHub answers for it.

# Whether the answer, a list of labels, has the ready label; GitHub's label names ignore
# case. What is no list says neither yes nor no, and ends the step.
answer_has_ready_label() {
  local has
  has=$(jq --arg key "$PULL_READY_LABEL" '
    arrays | any(.[]; (.name | ascii_downcase) == ($key | ascii_downcase))' "$ANSWER" 2>/dev/null) || true
  case $has in
    true) return 0 ;;
    false) return 1 ;;
    *) passes=true fail odd-answer "GitHub's answer to a question for labels is no list of labels" ;;
  esac
}

# Removes the ready label from pull request NUMBER and says so; absent is fine.
# Only GitHub's own "Label does not exist" counts as absent: another 404 is none.
remove_ready_label() {
  local number=$1
  if github DELETE "/repos/$REPOSITORY/issues/$number/labels/$(uri "$PULL_READY_LABEL")"; then
    if answer_has_ready_label; then
      object="pull request #$number" passes=true fail odd-answer \
        "GitHub removed label $PULL_READY_LABEL from pull request #$number but still lists it"
    fi
    log "pull request #$number has lost the label $PULL_READY_LABEL"
  elif jq -e '.message == "Label does not exist"' "$ANSWER" >/dev/null 2>&1; then
    log "pull request #$number has no label $PULL_READY_LABEL"
  else
    object="pull request #$number" fail refused-by-github \
      "cannot take $PULL_READY_LABEL off pull request #$number: GitHub does not know it: $(github_words 404)"
  fi
}
