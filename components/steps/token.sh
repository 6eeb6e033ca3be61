# shellcheck shell=bash disable=SC2034 # the steps use what is set here
# The GitHub App's proof of itself, and the installation's token that it gets for it.

# From here on GitHub is asked as the App itself.
as_app() {
  GITHUB_CREDENTIALS=$SCRATCH/app-credentials
  printf 'header = "Authorization: Bearer %s"\n' "$(app_jwt)" >"$GITHUB_CREDENTIALS"
}

# Leaves the installation on this repository in $SCRATCH/installation, and its id for mint_token.
find_installation() {
  as_app
  github GET "/repos/$REPOSITORY/installation" ||
    object=$REPOSITORY fail not-installed \
      "the GitHub App $GITHUB_APP_ID is not installed on $REPOSITORY: install it there, with contents: read and pull requests:" \
      "write; if it was renamed or transferred, correct repositories (pulumi up)$(then_again retry)"
  cp "$ANSWER" "$SCRATCH/installation"
  GITHUB_INSTALLATION_ID=$(jq -r .id "$ANSWER")
  [[ -z $moved ]] || refuse_old_name
}

# GitHub goes on answering to a repository's old name; but pushes carry the new one, and
# none of them counts until the configuration does, too.
refuse_old_name() {
  local place
  echo '{"permissions": {"metadata": "read"}}' >"$SCRATCH/body"
  take_token
  github GET "/repos/$REPOSITORY" ||
    object=$REPOSITORY command=resubmit fail renamed \
      "$REPOSITORY has another name now, and GitHub does not say which: correct repositories (pulumi up)"
  place=$(jq -rn --argjson repositories "$REPOSITORIES" --arg repository "${REPOSITORY,,}" '
    $repositories | keys_unsorted | index($repository)')
  object=$REPOSITORY command=resubmit fail renamed \
    "$REPOSITORY was renamed to $(jq -r .full_name "$ANSWER"), whose pushes nobody takes: correct repositories (pulumi config set" \
    "--path 'repositories[$place]' $(jq -r .full_name "$ANSWER"), then pulumi up)"
}

# What a remediation needs of GitHub.
readonly READ_AND_LABEL='{"contents": "read", "pull_requests": "write"}'

# mint_token PERMISSIONS: a token for this repository alone, with no more than that. From
# here on GitHub is asked with it.
mint_token() {
  local permissions=$1
  if [[ -n $GITHUB_INSTALLATION_ID ]]; then as_app; else find_installation; fi
  jq -n --arg name "${REPOSITORY#*/}" --argjson permissions "$permissions" \
    '{repositories: [$name], permissions: $permissions}' >"$SCRATCH/body"
  take_token
}

take_token() {
  github POST "/app/installations/$GITHUB_INSTALLATION_ID/access_tokens" "$SCRATCH/body" || no_installation
  jq -r '"header = \"Authorization: Bearer \(.token)\""' "$ANSWER" >"$TOKEN_DIR/curl.new"
  mv "$TOKEN_DIR/curl.new" "$TOKEN_DIR/curl"
  # The answer held the token; the other steps see this folder.
  rm -f "$ANSWER" "$GITHUB_CREDENTIALS"
  GITHUB_CREDENTIALS=$TOKEN_DIR/curl
}

# A run keeps the configuration that it began with: where that is wrong, it takes another.
no_installation() {
  [[ -e $SCRATCH/installation ]] ||
    command=resubmit fail no-such-installation \
      "GitHub App $GITHUB_APP_ID has no installation $GITHUB_INSTALLATION_ID: correct githubApp.installationId, or leave it out" \
      "and it is found (pulumi up)$(then_again resubmit)"
  object=$REPOSITORY fail not-installed \
    "the GitHub App $GITHUB_APP_ID is not installed on $REPOSITORY any more, where it was a moment ago: install it there" \
    "again$(then_again retry)"
}

# https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
app_jwt() {
  local unsigned
  unsigned="$(printf '{"alg":"RS256","typ":"JWT"}' | base64url).$(
    jq -cn --arg iss "$GITHUB_APP_ID" --argjson now "$EPOCHSECONDS" '{iat: ($now - 60), exp: ($now + 540), iss: $iss}' | base64url
  )"
  printf '%s.%s' "$unsigned" "$(printf '%s' "$unsigned" | openssl dgst -sha256 -sign "$GITHUB_PRIVATE_KEY_FILE" | base64url)"
}

base64url() {
  openssl base64 -A | tr '+/' '-_' | tr -d '='
}
