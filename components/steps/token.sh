# shellcheck shell=bash disable=SC2034 # the steps use what is set here
# Gets the installation's token, with the GitHub App's key.

# From here on, calls to GitHub use the App's own credentials.
as_app() {
  GITHUB_CREDENTIALS=$SCRATCH/app-credentials
  printf 'header = "Authorization: Bearer %s"\n' "$(app_jwt)" >"$GITHUB_CREDENTIALS"
}

# Finds the App's installation on this repository. Stores it in $SCRATCH/installation, and its ID for mint_token.
find_installation() {
  as_app
  github GET "/repos/$REPOSITORY/installation" ||
    object=$REPOSITORY fail not-installed \
      "the GitHub App $GITHUB_APP_ID is not installed on $REPOSITORY: install it there, with contents: read and pull requests:" \
      "write; if it was renamed or transferred, correct repositories (pulumi up)$(then_run retry)"
  cp "$ANSWER" "$SCRATCH/installation"
  GITHUB_INSTALLATION_ID=$(jq -r .id "$ANSWER")
  [[ -z $moved ]] || refuse_old_name
}

# Fails because the repository was renamed. GitHub still answers under the old name, but pushes have the new name, and do not count until
# the configuration has it.
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
    "$REPOSITORY was renamed to $(jq -r .full_name "$ANSWER"), and pushes under that name are ignored: correct repositories" \
    "(pulumi config set --path 'repositories[$place]' $(jq -r .full_name "$ANSWER"), then pulumi up)"
}

# The permissions that a remediation needs.
readonly READ_AND_LABEL='{"contents": "read", "pull_requests": "write"}'

# mint_token PERMISSIONS: gets a token with only these permissions, for this repository only. From here on, calls to GitHub use it.
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
  # The answer contains the token, and the other steps can read this folder.
  rm -f "$ANSWER" "$GITHUB_CREDENTIALS"
  GITHUB_CREDENTIALS=$TOKEN_DIR/curl
}

# Fails because there is no such installation. A retried run would keep a wrong ID, so the run has to be resubmitted then.
no_installation() {
  [[ -e $SCRATCH/installation ]] ||
    command=resubmit fail no-such-installation \
      "GitHub App $GITHUB_APP_ID has no installation $GITHUB_INSTALLATION_ID: correct githubApp.installationId, or leave it out" \
      "so that the steps find it (pulumi up)$(then_run resubmit)"
  object=$REPOSITORY fail not-installed \
    "the GitHub App $GITHUB_APP_ID is not installed on $REPOSITORY any more, although it was a moment ago: install it there" \
    "again$(then_run retry)"
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
