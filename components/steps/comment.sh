# shellcheck shell=bash disable=SC2016,SC2034,SC2317 # in jq's texts, $ is jq's; what is set here others use
# What people read on the pull request: one comment for each pushed head, written anew
# when there is more to say of it.

# A comment is a courtesy, and a step's last act: from here on what fails is only logged,
# and there is little time.
as_a_courtesy() {
  fail() {
    log "the pull request was not told: $*"
    exit 0
  }
  trap 'exit 0' EXIT
  STEP_DEADLINE_SECONDS=$((SECONDS + 20))
}

# comment_on_pull NUMBER HEAD: says what stands in $SCRATCH/words. Only a comment of this
# App that begins with the head's mark is written over; a mark can be copied.
comment_on_pull() {
  local number=$1 mark="<!-- rex-remediation $2 -->" comment
  github_pages "/repos/$REPOSITORY/issues/$number/comments" || fail "there is no pull request #$number"
  comment=$(jq -rs --arg mark "$mark" --arg app "$GITHUB_APP_ID" '
    first(.[][] | select(.performed_via_github_app.id // "" | tostring == $app)
      | select(.body | startswith($mark)) | .id) // ""' "$SCRATCH/pages")
  jq -n --arg mark "$mark" --rawfile words "$SCRATCH/words" '{body: "\($mark)\n\($words)"}' >"$SCRATCH/body"
  if [[ -n $comment ]]; then
    github PATCH "/repos/$REPOSITORY/issues/comments/$comment" "$SCRATCH/body" || fail "comment $comment is gone"
  else
    github POST "/repos/$REPOSITORY/issues/$number/comments" "$SCRATCH/body" || fail "there is no pull request #$number"
  fi
  log "told pull request #$number"
}

# The run: a link where Argo's server is known, else the command that shows it.
run_words() {
  if [[ -n $ARGO_SERVER_URL ]]; then
    printf '[%s](%s/workflows/%s/%s)' "$(as_code "$RUN_NAME")" "$ARGO_SERVER_URL" "$NAMESPACE" "$RUN_NAME"
  else
    printf '%s, %s' "$(as_code "$RUN_NAME")" "$(as_code "$ARGO get $RUN_NAME")"
  fi
}

# How to begin anew, with this project at hand and without.
anew_words() {
  local which=''
  [[ $(jq -rn --argjson repositories "$REPOSITORIES" '$repositories | length') == 1 ]] || which=" --repository $REPOSITORY"
  printf '%s, or %s' "$(as_code "npm run remediate -- --task $TASK$which")" "$(as_code "$(anew)")"
}

# As code, so that nothing in it calls people or makes links.
as_code() {
  local text=${1//[$'\r\n']/ }
  printf '`%s`' "${text//\`/\'}"
}
