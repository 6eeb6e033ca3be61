# shellcheck shell=bash disable=SC2034,SC2317 # what is set here others use
# Comments on pull requests: one comment for each pushed head. If there is more to say about the head, this rewrites the comment.
# shellcheck source=components/steps/new-run.sh
source "${BASH_SOURCE%/*}/new-run.sh"

# Commenting is optional, and the last thing that a step does. From here on, this only logs failures, and the time limit is short.
only_log_failures() {
  fail() {
    log "the pull request got no comment: ${*:2}"
    exit 0
  }
  trap 'exit 0' EXIT
  STEP_TIMEOUT_SECONDS=$((SECONDS + 20))
}

# comment_on_pull NUMBER HEAD: writes the comment in $SCRATCH/words.
comment_on_pull() {
  find_comment "$1" "$2"
  write_comment "$1" "$2" "$SCRATCH/words"
}

# comment_on_earlier_restart NUMBER HEAD [WARNING]: comments on a restart by an earlier pod. If that pod has
# commented, it knew more: then this only adds the warning. Otherwise this writes the comment in $SCRATCH/words.
comment_on_earlier_restart() {
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

# find_comment NUMBER HEAD: stores the comment on the head in $SCRATCH/comment, or null. It must come from this App, because
# anybody can copy the head's mark.
find_comment() {
  github_pages "/repos/$REPOSITORY/issues/$1/comments" || fail no-pull-request "there is no pull request #$1"
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
    github PATCH "/repos/$REPOSITORY/issues/comments/$comment" "$SCRATCH/body" || fail gone "comment $comment is gone"
  else
    github POST "/repos/$REPOSITORY/issues/$number/comments" "$SCRATCH/body" || fail no-pull-request "there is no pull request #$number"
  fi
  log "commented on pull request #$number"
}

# restart_words HEAD ROUND: the text for a restart whose pod was lost before it could say what it did.
restart_words() {
  printf '**QA begins again on %s.**\n\n' "$(as_code "${1:0:12}")"
  printf -- '- the log of the pod that cancelled agents says which, if it still exists: %s\n' "$(as_code "$ARGO logs $RUN_NAME")"
  printf -- '- round %s of this task\n' "$2"
  printf -- '- run %s\n' "$(run_words)"
  printf -- '- to restart it again: %s\n' "$(new_run_words)"
}

# The run: as a link if the URL of Argo's server is known, otherwise with the command that shows it.
run_words() {
  if [[ -n $ARGO_SERVER_URL ]]; then
    printf '[%s](%s/workflows/%s/%s)' "$(as_code "$RUN_NAME")" "$ARGO_SERVER_URL" "$NAMESPACE" "$RUN_NAME"
  else
    printf '%s, %s' "$(as_code "$RUN_NAME")" "$(as_code "$ARGO get $RUN_NAME")"
  fi
}

# The commands that start a new run: with this project's tool, and with `argo`.
new_run_words() {
  local option=''
  [[ $(jq -rn --argjson repositories "$REPOSITORIES" '$repositories | length') == 1 ]] || option=" --repository $REPOSITORY"
  printf '%s, or %s' "$(as_code "scripts/rex remediate --task $TASK$option")" "$(as_code "$(new_run_command)")"
}

# as_code TEXT: formats the text as code, so that nothing in it mentions people or becomes a link.
as_code() {
  local text=${1//[$'\r\n']/ }
  printf '\x60%s\x60' "${text//\`/\'}"
}
