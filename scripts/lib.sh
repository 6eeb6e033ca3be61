# shellcheck shell=bash
# Shared by all bash scripts of this project: messages, the folders in use, and a Node.js that is new enough.
# Sourced, never run.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
readonly ROOT
# The oldest Node.js that runs TypeScript files without a flag (22.18) and that all packages accept.
readonly NODE_MIN_MAJOR=22 NODE_MIN_MINOR=19

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
  BOLD=$'\e[1m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m'
else
  BOLD='' RED='' DIM='' PLAIN=''
fi
# shellcheck disable=SC2034 # BOLD is for the scripts that source this
readonly BOLD RED DIM PLAIN

# Exported so that child scripts count the seconds from the same start.
export REX_STARTED=${REX_STARTED:-$(date +%s)}

# say TEXT...: prints a line of progress to stderr, with the seconds since the run began.
say() {
  printf '%s[%4ds]%s %s\n' "$DIM" "$(($(date +%s) - REX_STARTED))" "$PLAIN" "$*" >&2
}

# die TEXT...: prints an error message and ends the script with exit code 1.
die() {
  printf '%serror:%s %s\n' "$RED" "$PLAIN" "$*" >&2
  exit 1
}

# usage: prints the comment block below the first line of the running script, which is its help text.
usage() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p;}' "$0"
}

# machine_arch: the machine's processor, by the name that Go and Kubernetes use.
machine_arch() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
  esac
}

# recipe_hash: 16 hex digits that identify the cache's contents: pinned versions, recipe and processor. Comment lines do not count,
# because a changed comment needs no new build.
recipe_hash() {
  (
    cd "$ROOT/dev/cluster" || exit
    {
      machine_arch
      sed '/^ *#/d' versions.sh binaries.sh images.sh
      sha256sum modules/*/go.mod modules/*/go.sum pause/* node/package-lock.json
    } | sha256sum | cut -c1-16
  )
}

# cache_dir: the folder of the built binaries and images. It outlives runs and is shared by all checkouts.
cache_dir() {
  [[ -n ${REX_CACHE_DIR:-} ]] || REX_CACHE_DIR="${REX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rex-remediation}/$(recipe_hash)"
  echo "$REX_CACHE_DIR"
}

# node_id: 8 hex digits that identify this checkout's node.
node_id() {
  printf '%s' "$ROOT" | sha256sum | cut -c1-8
}

# state_dir: the folder of this checkout's node and its data. `scripts/down` removes it.
state_dir() {
  echo "${REX_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/rex-remediation}/$(node_id)"
}

# use_node_cache: makes cache_dir return the folder that the running node was started from. The checkout's current recipe may name
# another.
use_node_cache() {
  local recipe
  recipe="$(state_dir)/recipe"
  [[ ! -s $recipe ]] || REX_CACHE_DIR="$(dirname "$(cache_dir)")/$(<"$recipe")"
}

# node_is_recent: whether the Node.js on PATH is new enough.
node_is_recent() {
  local version major minor
  version=$(node --version 2>/dev/null) || return 1
  IFS=. read -r major minor _ <<<"${version#v}"
  ((major > NODE_MIN_MAJOR || (major == NODE_MIN_MAJOR && minor >= NODE_MIN_MINOR)))
}

# node_path: puts a Node.js that is new enough first on PATH. If the machine has none, it installs one into the cache.
node_path() {
  node_is_recent && return
  local cpu bin
  cpu=$(machine_arch)
  bin="$(cache_dir)/node/node_modules/node-linux-${cpu/amd64/x64}/bin"
  if [[ ! -x $bin/node ]]; then
    command -v npm >/dev/null || die "Node.js >= $NODE_MIN_MAJOR.$NODE_MIN_MINOR with npm is needed: install it and run this again"
    say "Node.js $(node --version 2>/dev/null || echo missing) is older than $NODE_MIN_MAJOR.$NODE_MIN_MINOR: installing one into the cache"
    install_node "$(cache_dir)"
    [[ -x $bin/node ]] || die "npm installed no Node.js for this machine ($(uname -sm)): install Node.js >= $NODE_MIN_MAJOR.$NODE_MIN_MINOR and run this again"
  fi
  PATH="$bin:$PATH"
  export PATH
}

# install_node CACHE: installs into a temporary folder and then renames it, so that nobody uses an incomplete installation. A second
# caller waits for the lock.
install_node() {
  local new="$1/node.new" lock
  mkdir -p "$1"
  exec {lock}>"$1/node.lock"
  timeout --foreground 900 flock "$lock" || die 'another installation of Node.js did not end within 15 minutes'
  if [[ ! -d $1/node ]]; then
    rm -rf "$new"
    mkdir "$new"
    cp "$ROOT"/dev/cluster/node/{package.json,package-lock.json,.npmrc} "$new/"
    (cd "$new" && timeout --foreground 600 npm ci --no-progress --loglevel=error) >&2 || die "npm could not install Node.js (see above)"
    mv -T "$new" "$1/node"
  fi
  exec {lock}>&-
}

# npm_ready: installs the checkout's packages when they are missing or older than the lock file.
npm_ready() {
  local stamp="$ROOT/node_modules/.package-lock.json"
  [[ -e $stamp && ! $ROOT/package-lock.json -nt $stamp ]] && return
  say "installing the npm packages"
  (cd "$ROOT" && timeout --foreground 900 npm ci --no-progress --loglevel=error) >&2 || die "npm ci failed (see above)"
  touch "$stamp"
}
