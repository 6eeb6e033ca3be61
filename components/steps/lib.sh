# shellcheck shell=bash disable=SC2034 # the steps use what is set here
# What every step of the remediation shares: its words, its ends, its deadline. A step
# sources what it needs; the program puts those texts in the place of the `source`
# lines, so a container runs one text with `bash -c` and needs no file of ours. Inputs
# come from the environment only: the configuration as JSON in CONFIG (see components/stepConfig.ts), the rest as
# components/remediationWorkflow.ts says.
# Names and patterns that not only the steps know, such as OUTCOME_LABEL, come from
# components/vocabulary/prelude.ts: the program puts those that a text uses in front of it.
#
# A step keeps its answers in files, not in `$(…)`: a failure in a subshell would
# not end the step, and a step that goes on after a failure is what we fear most.
set -euo pipefail
# Argo's emissary starts containers with umask 0; plan.json and the token are ours alone.
umask 077

BASH_SETTINGS=$(<"${BASH_SOURCE%/*}/bash.jq")
settings=$(jq -rn "$BASH_SETTINGS")
eval "$settings"
# A run by hand may leave the repository out if there is only one.
[[ -n ${REPOSITORY:-} ]] || REPOSITORY=$(jq -nr '$ENV.REPOSITORIES | fromjson | keys | if length == 1 then .[0] else "" end')

# What a refused call returns, of the API server and of GitHub.
readonly NOT_FOUND=44 CONFLICT=49 INVALID=42 REFUSED=43
readonly PLAN="$SHARED_DIR/plan.json"
readonly SCRATCH="$SHARED_DIR/scratch/$STEP"
readonly ANSWER="$SCRATCH/answer"
readonly TERMINATION_LOG="${TERMINATION_LOG:-/dev/termination-log}"

# The step's own stderr: a function can fail where the stderr of a call goes to a file, and its words belong into the pod's log.
exec {STEP_STDERR}>&2

export TZ=UTC
SECONDS=0
last_trouble="no error"
# Whatever the locale puts before the fraction.
step_started=${EPOCHREALTIME/[.,]/}
mkdir -p "$SCRATCH" "$SHARED_DIR/steps"

# ---------------------------------------------------------------- words and ends

log() {
  printf '%(%H:%M:%S)T %s: %s\n' -1 "$STEP" "$*"
}

# How a step ends is one object; components/vocabulary/ending.ts says what is in it. A call of `fail`, `plan_again` or
# `finish` may set more of it in front: object=… cause=… passes=true command=resubmit.

# ending_as_json DID: this step's ending in two lines, with the words and without them.
ending_as_json() {
  jq -cn '$ARGS.positional as [$step, $did, $object, $cause, $passes, $command, $from, $to]
    | {$step, $did, $object, $cause, passes: ($passes | if . == "" then . else fromjson end), $command,
        seconds: ((($to | tonumber) - ($from | tonumber)) / 1e5 | round / 10)}
    | with_entries(select(.value != "")) | ., del(.did)' \
    --args "$STEP" "$1" "${object:-}" "${cause:-}" "${passes:-}" "${command:-}" "$step_started" "${EPOCHREALTIME/[.,]/}"
}

# leave_ending DID: puts the ending into the termination log, which Argo shows beside a failed container. Argo expands
# double braces in it again, so none may get there.
leave_ending() {
  local words="$STEP: $1" text
  mapfile -t ending < <(ending_as_json "$1")
  printf -v text '%s\n' "${words:0:1500}" "${ending[1]}"
  printf '%s' "${text//'{''{'/'{ {'}" >"$TERMINATION_LOG"
}

last_words() {
  leave_ending "$*"
  head --lines=-1 "$TERMINATION_LOG" >&"$STEP_STDERR"
}

# fail CAUSE WORDS…: the cause identifies the failure, in kebab case.
fail() {
  local cause=$1 passes=${passes:-false} command=${command:-retry}
  shift
  last_words "$*"
  exit 1
}

# Something changed under the plan: the pod is started again and plans anew.
plan_again() {
  cause=outdated-plan passes=true command=retry last_words "$*; planning again"
  exit "$EXIT_PLAN_AGAIN"
}

# Notes what this step did, for the record.
finish() {
  leave_ending "$*"
  printf '%s\n' "${ending[0]}" >"$SHARED_DIR/steps/$STEP.json"
  log "${cause:+$cause: }$*"
}

# Ends this step where the plan found nothing to do.
only_when_planned() {
  local outcome
  [[ -s $PLAN ]] || fail no-plan "there is no plan: $PLAN is missing; the plan step has to run first"
  outcome=$(jq -r .outcome "$PLAN")
  [[ $outcome == remediate ]] && return
  leave_ending "nothing to do: the plan ended as $outcome"
  log "nothing to do: the plan ended as $outcome"
  exit 0
}

seconds_left() {
  printf '%d' "$((STEP_TIMEOUT_SECONDS - SECONDS))"
}

# bounded LIMIT COMMAND…: no call outlives its limit or the step's deadline.
bounded() {
  local limit=$1 left
  shift
  left=$(seconds_left)
  ((left > 0)) || passes=true fail deadline "not finished within its deadline of $STEP_TIMEOUT_SECONDS s; last: $last_trouble"
  timeout --kill-after=2 "$((limit < left ? limit : left))" "$@"
}

last_error() {
  if [[ -s $SCRATCH/error ]]; then tr '\n' ' ' <"$SCRATCH/error"; else printf 'no error'; fi
}

# uri TEXT: as a part of a URL. Byte by byte, which costs less than a process.
uri() {
  local LC_ALL=C text=$1 at char code encoded=''
  for ((at = 0; at < ${#text}; at++)); do
    char=${text:at:1}
    printf -v code %d "'$char"
    [[ $char == [A-Za-z0-9._~-] ]] || printf -v char '%%%02X' "$((code & 255))"
    encoded+=$char
  done
  printf '%s' "$encoded"
}
