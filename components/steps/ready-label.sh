# shellcheck shell=bash
# The ready label of a pull request.

# Whether the answer, a list of labels, contains the ready label. GitHub ignores the case of label names. If the answer is not a list,
# the step fails.
answer_has_ready_label() {
  local has
  has=$(jq --arg key "$PULL_READY_LABEL" '
    arrays | any(.[]; (.name | ascii_downcase) == ($key | ascii_downcase))' "$ANSWER" 2>/dev/null) || true
  case $has in
    true) return 0 ;;
    false) return 1 ;;
    *) passes=true fail odd-answer "GitHub was asked for labels, but its answer is not a list of labels" ;;
  esac
}

# remove_ready_label NUMBER: takes the ready label off the pull request, if it is there. Only GitHub's "Label does not exist" shows that
# the label is missing. Any other 404 is an error.
remove_ready_label() {
  local number=$1
  if github DELETE "/repos/$REPOSITORY/issues/$number/labels/$(uri "$PULL_READY_LABEL")"; then
    if answer_has_ready_label; then
      object="pull request #$number" passes=true fail odd-answer \
        "GitHub removed label $PULL_READY_LABEL from pull request #$number but still lists it"
    fi
    log "took label $PULL_READY_LABEL off pull request #$number"
  elif jq -e '.message == "Label does not exist"' "$ANSWER" >/dev/null 2>&1; then
    log "pull request #$number has no label $PULL_READY_LABEL"
  else
    object="pull request #$number" fail refused-by-github \
      "cannot take $PULL_READY_LABEL off pull request #$number: GitHub does not know the pull request: $(github_words 404)"
  fi
}
