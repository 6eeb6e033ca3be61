# shellcheck shell=bash
# GitHub's deliveries of push events to this program's webhook. GitHub tries each delivery once, and redelivers failed ones on request.

# Even with the growing pauses, the last attempt comes within two hours.
readonly DELIVERIES_SECONDS=7200 MOST_ATTEMPTS=5 FIRST_PAUSE_SECONDS=300

# Asks GitHub to redeliver failed deliveries of the App's own webhook, if that goes to this installation.
redeliver_of_app() {
  [[ -n $WEBHOOK_URL ]] || return 0
  as_app
  github GET /app/hook/config || {
    log "GitHub App $GITHUB_APP_ID has no webhook of its own"
    return 0
  }
  if [[ $(jq -r '.url // "" | rtrimstr("/")' "$ANSWER") != "${WEBHOOK_URL%/}" ]]; then
    log "the App's own webhook goes to $(jq -r '.url // "nowhere"' "$ANSWER"), not to this installation: left alone"
    return 0
  fi
  redeliver_failed /app/hook/deliveries
}

# Does the same for the repository's webhooks that go to this installation, if the App may read them.
redeliver_of_repository() {
  local hook
  [[ -n $WEBHOOK_URL ]] || return 0
  [[ $(jq -r '.permissions.repository_hooks // ""' "$SCRATCH/installation") == write ]] || return 0
  mint_token '{"repository_hooks": "write"}'
  github_pages "/repos/$REPOSITORY/hooks" || object=$REPOSITORY fail no-permission \
    "GitHub App $GITHUB_APP_ID cannot read the webhooks of $REPOSITORY"
  jq -r --slurp --arg url "${WEBHOOK_URL%/}" '
    .[][] | select((.config.url // "" | rtrimstr("/")) == $url) | .id' "$SCRATCH/pages" >"$SCRATCH/hooks"
  while IFS= read -r hook; do
    redeliver_failed "/repos/$REPOSITORY/hooks/$hook/deliveries"
  done <"$SCRATCH/hooks"
}

# redeliver_failed PATH: asks GitHub to redeliver each push that no attempt has delivered, a few times at most, with growing pauses.
redeliver_failed() {
  local id
  read_deliveries "$1"
  jq -r --slurp --argjson now "$EPOCHSECONDS" --argjson most "$MOST_ATTEMPTS" --argjson pause "$FIRST_PAUSE_SECONDS" '
    [.[][] | select(.event == "push") | .at = (.delivered_at | sub("\\.[0-9]+"; "") | fromdateiso8601)] | group_by(.guid)[]
    | select(any(.[]; .status_code >= 200 and .status_code < 300) | not)
    | select(length < $most) | length as $attempts | max_by(.at)
    | select($now - .at >= $pause * pow(2; $attempts - 1)) | .id' "$SCRATCH/deliveries" >"$SCRATCH/failed"
  while IFS= read -r id; do
    github POST "$1/$id/attempts" || fail gone "GitHub does not know delivery $id any more"
    echo "$id" >>"$SCRATCH/redelivered"
    log "asked GitHub to redeliver $id"
  done <"$SCRATCH/failed"
}

# read_deliveries PATH: stores the pages of the last two hours in $SCRATCH/deliveries, newest first, each of them a JSON list.
read_deliveries() {
  local cursor=''
  : >"$SCRATCH/deliveries"
  while :; do
    github GET "$1?per_page=100$cursor" || fail no-permission "GitHub App $GITHUB_APP_ID cannot read $1"
    cat "$ANSWER" >>"$SCRATCH/deliveries"
    [[ $(header link) =~ [?\&](cursor=[^\&\>]+)[^\>]*\>\;\ rel=\"next\" ]] || return 0
    cursor="&${BASH_REMATCH[1]}"
    jq -e --argjson since "$((EPOCHSECONDS - DELIVERIES_SECONDS))" \
      'all(.[]; (.delivered_at | sub("\\.[0-9]+"; "") | fromdateiso8601) > $since)' "$ANSWER" >/dev/null || return 0
  done
}
