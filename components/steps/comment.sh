# shellcheck shell=bash disable=SC2034,SC2317 # what is set here others use
# What people read on the pull request: one comment for each pushed head, written anew
# when there is more to say of it.
# shellcheck source=components/steps/anew.sh
source "${BASH_SOURCE%/*}/anew.sh"

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

# comment_on_pull NUMBER HEAD: says what stands in $SCRATCH/words.
comment_on_pull() {
  find_comment "$1" "$2"
  write_comment "$1" "$2" "$SCRATCH/words"
}

# tell_restart NUMBER HEAD [WARNING]: of a restart of which less is known now than its own `record`
# knew. What that said stays, with the warning below it; else it says what stands in $SCRATCH/words.
tell_restart() {
  find_comment "$1" "$2"
  jq -j --arg run "$RUN_NAME" --arg warning "${3:-}" '.body // "" | split("\n")[1:]
    | select((.[0] // "" | startswith("**QA begins again")) and any(.[]; contains("`\($run)`")))
    | [.[] | select(startswith("- warning: ") or . == "" | not)] as $lines
    | $lines[:1] + [""] + $lines[1:] + [$warning | select(. != "")] | .[] | "\(.)\n"' "$SCRATCH/comment" >"$SCRATCH/kept"
  if [[ ! -s $SCRATCH/kept ]]; then
    cp "$SCRATCH/words" "$SCRATCH/kept"
    [[ -z ${3:-} ]] || printf '%s\n' "$3" >>"$SCRATCH/kept"
  elif [[ -z ${3:-} ]]; then
    return 0
  fi
  write_comment "$1" "$2" "$SCRATCH/kept"
}

mark() {
  printf '<!-- rex-remediation %s -->' "$1"
}

# Leaves the comment in $SCRATCH/comment, or null. Only one of this App that begins with the head's
# mark is written over; a mark can be copied.
find_comment() {
  github_pages "/repos/$REPOSITORY/issues/$1/comments" || fail "there is no pull request #$1"
  jq -s --arg mark "$(mark "$2")" --arg app "$GITHUB_APP_ID" '
    first(.[][] | select(.performed_via_github_app.id // "" | tostring == $app)
      | select(.body | startswith($mark)) | {id, body}) // null' "$SCRATCH/pages" >"$SCRATCH/comment"
}

# write_comment NUMBER HEAD WORDS-FILE
write_comment() {
  local number=$1 comment
  comment=$(jq -r '.id // ""' "$SCRATCH/comment")
  jq -n --arg mark "$(mark "$2")" --rawfile words "$3" '{body: "\($mark)\n\($words)"}' >"$SCRATCH/body"
  if [[ -n $comment ]]; then
    github PATCH "/repos/$REPOSITORY/issues/comments/$comment" "$SCRATCH/body" || fail "comment $comment is gone"
  else
    github POST "/repos/$REPOSITORY/issues/$number/comments" "$SCRATCH/body" || fail "there is no pull request #$number"
  fi
  log "told pull request #$number"
}

# restart_words HEAD ROUND: of a restart whose pod was lost before it told what it did.
restart_words() {
  printf '**QA begins again on %s.**\n\n' "$(as_code "${1:0:12}")"
  printf -- '- what was cancelled says the log of the pod that did it, if it is still there: %s\n' "$(as_code "$ARGO logs $RUN_NAME")"
  printf -- '- round %s of this task\n' "$2"
  printf -- '- run %s\n' "$(run_words)"
  printf -- '- once more: %s\n' "$(anew_words)"
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
  printf '%s, or %s' "$(as_code "scripts/rex remediate --task $TASK$which")" "$(as_code "$(anew)")"
}

# As code, so that nothing in it calls people or makes links.
as_code() {
  local text=${1//[$'\r\n']/ }
  printf '\x60%s\x60' "${text//\`/\'}"
}
