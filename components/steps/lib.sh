# shellcheck shell=bash disable=SC2034 # the steps use what is set here
# What all steps share: logging, endings and the deadline. A step sources the files that it needs. The program replaces
# each `source` line with the text of the file, so a container runs a single text with `bash -c` and needs no files. All inputs come
# from the environment: CONFIG holds the configuration as JSON (see components/stepConfig.ts); components/remediationWorkflow.ts has
# the other variables. Names and patterns that are also used outside the steps, such as OUTCOME_LABEL, come from
# components/vocabulary/prelude.ts. The program puts the ones that a script uses in front of it.
#
# A step stores answers in files instead of using `$(…)`: a failure in a subshell would not end the step, and a step must never continue
# after a failure.
set -euo pipefail
# Argo's emissary starts containers with umask 0, but nobody else may read plan.json and the token.
umask 077

BASH_SETTINGS=$(<"${BASH_SOURCE%/*}/bash.jq")
settings=$(jq -rn "$BASH_SETTINGS")
eval "$settings"
# A run by hand may leave the repository out if there is only one.
[[ -n ${REPOSITORY:-} ]] || REPOSITORY=$(jq -nr '$ENV.REPOSITORIES | fromjson | keys | if length == 1 then .[0] else "" end')

# Return codes of a refused call to the API server or GitHub.
readonly NOT_FOUND=44 CONFLICT=49 INVALID=42 REFUSED=43
readonly PLAN="$SHARED_DIR/plan.json"
readonly SCRATCH="$SHARED_DIR/scratch/$STEP"
readonly ANSWER="$SCRATCH/answer"
readonly TERMINATION_LOG="${TERMINATION_LOG:-/dev/termination-log}"

# The step's stderr. A function may fail while stderr is redirected to a file, but its message belongs in the pod's log.
exec {STEP_STDERR}>&2

export TZ=UTC
SECONDS=0
last_trouble="no error"
# The decimal separator depends on the locale.
step_started=${EPOCHREALTIME/[.,]/}
mkdir -p "$SCRATCH" "$SHARED_DIR/steps"

# ------------------------------------------------------------ logging and ending

log() {
  printf '%(%H:%M:%S)T %s: %s\n' -1 "$STEP" "$*"
}

# A step ends with one object, which components/vocabulary/ending.ts describes. A caller of `fail`, `plan_again` or `finish` can
# set more of its fields: object=… cause=… passes=true command=resubmit.

# ending_as_json DID: prints this step's ending in two lines, first with `did`, then without.
ending_as_json() {
  jq -cn '$ARGS.positional as [$step, $did, $object, $cause, $passes, $command, $from, $to]
    | {$step, $did, $object, $cause, passes: ($passes | if . == "" then . else fromjson end), $command,
        seconds: ((($to | tonumber) - ($from | tonumber)) / 1e5 | round / 10)}
    | with_entries(select(.value != "")) | ., del(.did)' \
    --args "$STEP" "$1" "${object:-}" "${cause:-}" "${passes:-}" "${command:-}" "$step_started" "${EPOCHREALTIME/[.,]/}"
}

# leave_ending DID: writes the ending to the termination log, which Argo shows as the message of a failed container. Argo expands
# double braces in this message, so they must not appear in it.
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

# fail CAUSE WORDS…: ends the step. The cause identifies the failure, in kebab case.
fail() {
  local cause=$1 passes=${passes:-false} command=${command:-retry}
  shift
  last_words "$*"
  exit 1
}

# plan_again WORDS…: ends the step because the plan is outdated. Argo starts the pod again, and it makes a new plan.
plan_again() {
  cause=outdated-plan passes=true command=retry last_words "$*; planning again"
  exit "$EXIT_PLAN_AGAIN"
}

# finish DID…: stores what this step did, for `record`.
finish() {
  leave_ending "$*"
  printf '%s\n' "${ending[0]}" >"$SHARED_DIR/steps/$STEP.json"
  log "${cause:+$cause: }$*"
}

must_have_plan() {
  [[ -s $PLAN ]] || fail no-plan "there is no plan: $PLAN is missing; the plan step has to run first"
}

# Ends this step if the plan found nothing to do.
only_when_planned() {
  local outcome
  must_have_plan
  outcome=$(jq -r .outcome "$PLAN")
  [[ $outcome == remediate ]] && return
  leave_ending "nothing to do: the plan ended as $outcome"
  log "nothing to do: the plan ended as $outcome"
  exit 0
}

seconds_left() {
  printf '%d' "$((STEP_TIMEOUT_SECONDS - SECONDS))"
}

# bounded LIMIT COMMAND…: runs the command for at most LIMIT seconds, and never beyond the step's deadline.
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

# uri TEXT: the text, encoded as a part of a URL. A loop over the bytes is faster than starting a process.
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
