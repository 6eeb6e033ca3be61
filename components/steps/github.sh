# shellcheck shell=bash disable=SC2034 # the steps use what is set here
# Calls to GitHub's REST API with the installation's token.

# A curl configuration with the credentials: the installation's token, or the App's own while the token is made.
GITHUB_CREDENTIALS="${TOKEN_DIR:-}/curl"

# github METHOD PATH [BODY-FILE]: calls GitHub. For 2xx it returns 0 and stores the answer in $ANSWER. For 404 it returns NOT_FOUND.
# It retries failures that may pass, and ends the step on all others. If GitHub redirects, for example from a repository's old name,
# it repeats the call there and stores the URL in $moved:
# https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
# The credentials are not passed as an argument, because every process on the node could read that.
github() {
  local method=$1 path=$2 body=${3:-} url=$GITHUB_API_URL$2 attempt=0 hops=0 status wait
  local arguments=(--disable --silent --show-error --globoff --config "$GITHUB_CREDENTIALS" --request "$method"
    --connect-timeout 5 --max-time 10 --user-agent rex-remediation
    --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28'
    --dump-header "$SCRATCH/headers" --output "$ANSWER" --write-out '%{http_code}')
  moved=''
  [[ -n $body ]] && arguments+=(--header 'Content-Type: application/json' --data-binary "@$body")
  while :; do
    attempt=$((attempt + 1))
    : >"$SCRATCH/headers"
    : >"$ANSWER"
    status=$(bounded 12 curl "${arguments[@]}" "$url" 2>"$SCRATCH/error") || status=000
    if [[ $status == 2* ]] && answer_is_whole; then return 0; fi
    if [[ $status == 30[1278] ]]; then
      follow_redirect
      continue
    fi
    wait=$(pause_before_retry "$status" "$attempt")
    if [[ $wait == never ]]; then
      [[ $status == 404 ]] && return "$NOT_FOUND"
      fail refused-by-github "GitHub refused $method $path: $(github_words "$status")"
    fi
    ((wait < $(seconds_left))) ||
      passes=true fail github-does-not-answer \
        "GitHub does not answer $method $path: $(github_words "$status"); waiting $wait s more would exceed this step's deadline of" \
        "$STEP_TIMEOUT_SECONDS s"
    last_trouble="$method $path: $(github_words "$status")"
    log "$last_trouble; again in $wait s"
    sleep "$wait"
  done
}

# Follows a redirect only to the same scheme, host and port, because the credentials are meant for these.
follow_redirect() {
  local here=''
  [[ ! $GITHUB_API_URL =~ ^[^/]+//[^/]+ ]] || here=${BASH_REMATCH[0]}
  moved=$(header location)
  [[ $moved != /[!/]* ]] || moved=$here$moved
  [[ -n $here && ${moved,,} == "${here,,}"/* ]] ||
    command=resubmit fail redirected-away \
      "GitHub redirects $method $path away from $here, to ${moved:0:200}: not followed, because the credentials are only for" \
      "$here; if GitHub has moved, correct githubApp.apiUrl (pulumi up), otherwise look for a proxy on the way to" \
      "GitHub$(then_run resubmit)"
  hops=$((hops + 1))
  ((hops <= 3)) ||
    passes=true fail redirected-too-often \
      "GitHub redirects $method $path too often, last to ${moved:0:200}: wait until GitHub has fixed that$(then_run retry)"
  url=$moved
}

# github_pages PATH: gets all pages, each of them a JSON list, and stores them one after the other in $SCRATCH/pages.
github_pages() {
  local page=1 query='?'
  [[ $1 != *\?* ]] || query='&'
  : >"$SCRATCH/pages"
  while :; do
    github GET "$1${query}per_page=100&page=$page" || return
    cat "$ANSWER" >>"$SCRATCH/pages"
    [[ $(header link) == *'rel="next"'* ]] || return 0
    page=$((page + 1))
  done
}

answer_is_whole() {
  [[ ! -s $ANSWER ]] || jq -e type "$ANSWER" >/dev/null 2>&1
}

header() {
  local name value found=''
  while IFS=: read -r name value; do
    [[ ${name,,} != "$1" ]] || found=${value# }
  done <"$SCRATCH/headers"
  printf '%s' "${found%$'\r'}"
}

# pause_before_retry STATUS ATTEMPT: seconds to wait before the next attempt, or "never". It is worth trying again after no answer, 5xx, an
# incomplete answer, a used-up rate limit, and 401 for a new token, because GitHub takes a moment to know it everywhere.
pause_before_retry() {
  local status=$1 attempt=$2 after reset
  after=$(header retry-after)
  reset=$(header x-ratelimit-reset)
  if [[ $status == 403 || $status == 429 ]] && [[ $after =~ ^[0-9]{1,6}$ ]]; then
    printf '%d' "$((after + 1))"
  elif [[ $status == 403 || $status == 429 ]] && [[ $(header x-ratelimit-remaining) == 0 && $reset =~ ^[0-9]{1,12}$ ]]; then
    printf '%d' "$((reset > EPOCHSECONDS ? reset - EPOCHSECONDS + 1 : 1))"
  elif [[ $status == 401 ]] && ((attempt <= 3)); then
    printf 1
  elif [[ $status == 000 || $status == 2* || $status == 5* || $status == 408 || $status == 429 ]]; then
    printf '%d' "$((attempt < 4 ? 1 << (attempt - 1) : 8))"
  else
    printf never
  fi
}

github_words() {
  local message needs
  message=$(jq -r '.message // empty' "$ANSWER" 2>/dev/null || true)
  needs=$(header x-accepted-github-permissions)
  case $1 in
    000) printf 'no answer (%s)' "$(last_error)" ;;
    2*) printf 'status %s with a body that is not JSON' "$1" ;;
    *) printf 'status %s%s%s' "$1" "${message:+ ($message)}" "${needs:+; it needs the permission $needs}" ;;
  esac
}
