# shellcheck shell=bash disable=SC2016 # in jq's texts, $ is jq's
# What every step of the remediation shares. The program puts this text before
# each step's own, so a container runs `bash -c "<lib.sh><step>.sh"` and needs no
# file of ours. Inputs come from the environment only; components/remediationWorkflow.ts
# says what each variable means.
#
# A step keeps its answers in files, not in `$(…)`: a failure in a subshell would
# not end the step, and a step that goes on after a failure is what we fear most.
set -euo pipefail
# Argo's emissary starts containers with umask 0; plan.json and the token are ours alone.
umask 077

readonly EXIT_PLAN_AGAIN=75
readonly NOT_FOUND=44 CONFLICT=49 INVALID=42 REFUSED=43
readonly LEDGER=rex-remediation
readonly PLAN="$SHARED_DIR/plan.json"
readonly SCRATCH="$SHARED_DIR/scratch/$STEP"
readonly ANSWER="$SCRATCH/answer"
readonly TERMINATION_LOG="${TERMINATION_LOG:-/dev/termination-log}"

export TZ=UTC
SECONDS=0
last_trouble="no error"
step_started=${EPOCHREALTIME/./}
mkdir -p "$SCRATCH" "$SHARED_DIR/steps"

# ---------------------------------------------------------------- words and ends

log() {
  printf '%(%H:%M:%S)T %s: %s\n' -1 "$STEP" "$*"
}

# Last words: Argo shows what stands in the termination log beside the failed
# container. Argo expands double braces in it again, so none may get there.
last_words() {
  local words="$STEP: $*"
  words=${words//'{''{'/'{ {'}
  printf '%s\n' "${words:0:1500}" | tee "$TERMINATION_LOG" >&2
}

fail() {
  last_words "$*"
  exit 1
}

# Something changed under the plan: the pod is started again and plans anew.
plan_again() {
  last_words "$*; planning again"
  exit "$EXIT_PLAN_AGAIN"
}

# Notes what this step did, for the record.
finish() {
  jq -n --arg step "$STEP" --arg did "$*" --argjson from "$step_started" --argjson to "${EPOCHREALTIME/./}" \
    '{step: $step, did: $did, seconds: (($to - $from) / 1e5 | round / 10)}' >"$SHARED_DIR/steps/$STEP.json"
  log "$*"
}

# Ends this step where the plan found nothing to do.
only_when_planned() {
  [[ -s $PLAN ]] || fail "there is no plan: $PLAN is missing; the plan step has to run first"
  [[ $(jq -r .outcome "$PLAN") == remediate ]] && return
  log "nothing to do: the plan ended as $(jq -r .outcome "$PLAN")"
  exit 0
}

seconds_left() {
  printf '%d' "$((STEP_DEADLINE_SECONDS - SECONDS))"
}

# bounded LIMIT COMMAND…: no call outlives its limit or the step's deadline.
bounded() {
  local limit=$1 left
  shift
  left=$(seconds_left)
  ((left > 0)) || fail "not finished within its deadline of $STEP_DEADLINE_SECONDS s; last: $last_trouble"
  timeout --kill-after=2 "$((limit < left ? limit : left))" "$@"
}

last_error() {
  if [[ -s $SCRATCH/error ]]; then tr '\n' ' ' <"$SCRATCH/error"; else printf 'no error'; fi
}

uri() {
  jq -rn --arg text "$1" '$text | @uri'
}

# ---------------------------------------------------------------- Kubernetes

# kube ARGUMENTS…: kubectl, its output in $ANSWER. Goes on trying until the step's
# deadline while the API server is away; a refusal is returned as one of NOT_FOUND,
# CONFLICT, INVALID, REFUSED. A 404 that names no object ("could not find the
# requested resource") is what a starting API server says of a kind that it does
# not serve yet: it must not pass for "gone".
kube() {
  local pause=1
  until bounded 15 kubectl --request-timeout=10s "$@" >"$ANSWER" 2>"$SCRATCH/error" </dev/null; do
    case "$(<"$SCRATCH/error")" in
      *"could not find the requested resource"*) ;;
      *"(NotFound)"*) return "$NOT_FOUND" ;;
      *"(Conflict)"*) return "$CONFLICT" ;;
      *"(Invalid)"* | *" is invalid"*) return "$INVALID" ;;
      *"(Forbidden)"* | *"(Unauthorized)"* | *"(BadRequest)"*) return "$REFUSED" ;;
    esac
    last_trouble="the API server did not answer ($(last_error))"
    log "$last_trouble; again in $pause s"
    sleep "$pause"
    pause=$((pause < 4 ? pause * 2 : 4))
  done
}

# must_kube WHAT ARGUMENTS…: as kube; any refusal ends the step.
must_kube() {
  local what=$1
  shift
  kube "$@" || fail "cannot $what: $(last_error)"
}

readonly WORKFLOWS="/apis/argoproj.io/v1alpha1/namespaces/$NAMESPACE/workflows"
readonly CODERUNS="/apis/$CODERUN_GROUP/$CODERUN_VERSION/namespaces/$NAMESPACE/$CODERUN_RESOURCE"

list_task_coderuns() {
  must_kube "list the task's $CODERUN_RESOURCE" get --raw \
    "$CODERUNS?labelSelector=$(uri "$CODERUN_TASK_LABEL=$TASK")"
}

# The one rule for what belongs to this repository: an object that names a
# repository must name this one; an object that names none is taken only where
# no other repository is configured. As text for jq, which has $repositories.
readonly OF_THIS_REPOSITORY='
  def of_this_repository($key): .metadata.labels[$key] as $named
    | if $named == null then ($repositories | length) == 1
      else ($named | ascii_downcase) == ($repositories[$repository | ascii_downcase] | ascii_downcase) end;'

# with_repository JQ-ARGUMENTS…: jq that knows of_this_repository; its program comes first.
with_repository() {
  local program=$1
  shift
  jq --argjson repositories "$REPOSITORIES" --arg repository "$REPOSITORY" "$OF_THIS_REPOSITORY $program" "$@"
}

# The CodeRuns that a remediation of this task may cancel: a listed agent's, of
# this repository, not finished. Reads a list from $ANSWER.
readonly CANCELLABLE='
  def agent: .metadata.labels[$agent_label] // "";
  def finished: (.status.phase // "") | IN($finished_phases[]);
  def why_not: if (agent | IN($agents[]) | not) then "agent \(agent | if . == "" then "unknown" else . end) is not in the cancel list"
    elif (of_this_repository($repository_label) | not) then "it does not name this repository"
    elif finished then "it has finished (\(.status.phase))"
    else null end;
  def shown: {name: .metadata.name, uid: .metadata.uid, agent: agent, created: .metadata.creationTimestamp};'

with_coderuns() {
  local program=$1
  shift
  with_repository "$CANCELLABLE $program" --argjson agents "$AGENTS" --arg agent_label "$CODERUN_AGENT_LABEL" \
    --arg repository_label "$CODERUN_REPOSITORY_LABEL" --argjson finished_phases "$CODERUN_FINISHED_PHASES" "$@" "$ANSWER"
}

# An agent that may be cancelled and is in no plan was started after the plan, on a
# head that nobody can vouch for.
plan_again_if_agents_came() {
  local came
  list_task_coderuns
  came=$(with_coderuns '[.items[] | select(why_not == null) | .metadata.name] | join(", ")' --raw-output)
  [[ -z $came ]] || plan_again "meanwhile started: $came"
}

# Leaves the task's unfinished main workflows, as an array, in $SCRATCH/main-workflows.
find_main_workflows() {
  must_kube "list the main workflows" get --raw \
    "$WORKFLOWS?labelSelector=$(uri "$MAIN_WORKFLOW_TYPE_LABEL=$MAIN_WORKFLOW_TYPE,$MAIN_WORKFLOW_TASK_LABEL=$TASK,workflows.argoproj.io/completed!=true")"
  with_repository '[.items[]
    | select(of_this_repository($key))
    | select((.status.phase // "") | IN("Succeeded", "Failed", "Error") | not)]' \
    --arg key "$MAIN_WORKFLOW_REPOSITORY_LABEL" "$ANSWER" >"$SCRATCH/main-workflows"
}

# Leaves the planned main workflow, as it is now, in $SCRATCH/workflow; ends the
# step if it is not the one that was planned or has ended.
read_main_workflow() {
  local name
  name=$(jq -r .workflow.name "$PLAN")
  must_kube "read main workflow $name" get --raw "$WORKFLOWS/$name"
  cp "$ANSWER" "$SCRATCH/workflow"
  jq -e --slurpfile plan "$PLAN" '.metadata.uid == $plan[0].workflow.uid' "$SCRATCH/workflow" >/dev/null ||
    plan_again "main workflow $name was replaced by another of the same name"
  jq -e '(.status.phase // "") | IN("Succeeded", "Failed", "Error") | not' "$SCRATCH/workflow" >/dev/null ||
    fail "main workflow $name ended ($(jq -r .status.phase "$SCRATCH/workflow")) before it could be reset and resumed; start a new one for task $TASK: it begins on the present head"
}

# write_main_workflow WHAT: applies the JSON patch in $SCRATCH/patch to the main
# workflow that was read last. If that changed meanwhile, nothing is written and the
# caller, which reads it back in any case, reads it again.
write_main_workflow() {
  local what=$1 name status=0
  name=$(jq -r .metadata.name "$SCRATCH/workflow")
  kube patch "workflows.v1alpha1.argoproj.io/$name" --namespace "$NAMESPACE" --type json --patch-file "$SCRATCH/patch" --output name || status=$?
  case $status in
    0) log "wrote $what of $name" ;;
    "$INVALID" | "$CONFLICT") log "$name changed meanwhile ($(last_error)); reading it again" ;;
    *) fail "cannot write $what of main workflow $name: $(last_error)" ;;
  esac
}

# note_outcome NAME OUTCOME WORDS: on a main workflow, for people. A merge patch: these
# annotations are this program's own, and nothing hangs on their old values.
note_outcome() {
  jq -n --arg ledger "$LEDGER" --arg outcome "$2" --arg words "$3" \
    '{metadata: {annotations: {"\($ledger)/outcome": $outcome, "\($ledger)/message": $words}}}' >"$SCRATCH/patch"
  kube patch "workflows.v1alpha1.argoproj.io/$1" --namespace "$NAMESPACE" --type merge --patch-file "$SCRATCH/patch" --output name ||
    log "could not note the outcome $2 on main workflow $1: $(last_error)"
}

# The head of each JSON patch on a main workflow: it is the planned one, and its
# stage and ledger are those that were read. As text for jq, which reads the
# workflow that was read last and has $stage_label and $ledger.
readonly GUARDED_PATCH='
  def pointer: gsub("~"; "~0") | gsub("/"; "~1");
  def label_path($key): "/metadata/labels/" + ($key | pointer);
  def annotation_path($key): "/metadata/annotations/" + ("\($ledger)/\($key)" | pointer);
  def annotation($key): .metadata.annotations["\($ledger)/\($key)"];
  def as_read: [{op: "test", path: "/metadata/uid", value: .metadata.uid}]
    + [(.metadata.labels[$stage_label] // empty) | {op: "test", path: label_path($stage_label), value: .}]
    + [(annotation("pushed-at") // empty) | {op: "test", path: annotation_path("pushed-at"), value: .}]
    + (if .metadata.annotations == null then [{op: "add", path: "/metadata/annotations", value: {}}] else [] end);
  def stage($value): [{op: "add", path: label_path($stage_label), value: $value}];
  def ledger($values): $values | to_entries | map({op: "add", path: annotation_path(.key), value: .value});'

# guarded_patch JQ-PROGRAM JQ-ARGUMENTS…: writes $SCRATCH/patch from $SCRATCH/workflow.
guarded_patch() {
  local program=$1
  shift
  jq --arg stage_label "$MAIN_WORKFLOW_STAGE_LABEL" --arg ledger "$LEDGER" --arg reset_stage "$RESET_STAGE" \
    --slurpfile plan "$PLAN" "$@" "$GUARDED_PATCH $program" "$SCRATCH/workflow" >"$SCRATCH/patch"
}

# ---------------------------------------------------------------- GitHub

# The installation's token; plan alone uses other credentials, to make it.
GITHUB_CREDENTIALS="${TOKEN_DIR:-}/curl"

# github METHOD PATH [BODY-FILE]: 2xx returns 0 with the answer in $ANSWER, 404
# returns NOT_FOUND, anything else that trying again does not mend ends the step.
# The credentials are a curl configuration in $GITHUB_CREDENTIALS: never an argument,
# which every process of the node could read.
github() {
  local method=$1 path=$2 body=${3:-} attempt=0 status wait
  local arguments=(--disable --silent --show-error --globoff --config "$GITHUB_CREDENTIALS" --request "$method"
    --connect-timeout 5 --max-time 10 --user-agent rex-remediation
    --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28'
    --dump-header "$SCRATCH/headers" --output "$ANSWER" --write-out '%{http_code}')
  [[ $method == GET ]] && arguments+=(--location --max-redirs 3)
  [[ -n $body ]] && arguments+=(--header 'Content-Type: application/json' --data-binary "@$body")
  while :; do
    attempt=$((attempt + 1))
    : >"$SCRATCH/headers"
    : >"$ANSWER"
    status=$(bounded 12 curl "${arguments[@]}" "$GITHUB_API_URL$path" 2>"$SCRATCH/error") || status=000
    if [[ $status == 2* ]] && answer_is_whole; then return 0; fi
    wait=$(pause_before_retry "$status" "$attempt")
    if [[ $wait == never ]]; then
      [[ $status == 404 ]] && return "$NOT_FOUND"
      fail "GitHub refused $method $path: $(github_words "$status")"
    fi
    ((wait < $(seconds_left))) ||
      fail "GitHub does not answer $method $path: $(github_words "$status"); to wait $wait s more would pass this step's deadline of $STEP_DEADLINE_SECONDS s"
    last_trouble="$method $path: $(github_words "$status")"
    log "$last_trouble; again in $wait s"
    sleep "$wait"
  done
}

answer_is_whole() {
  [[ ! -s $ANSWER ]] || jq -e type "$ANSWER" >/dev/null 2>&1
}

header() {
  tr -d '\r' <"$SCRATCH/headers" | awk -F': *' -v name="$1" 'tolower($1) == name { value = $2 } END { print value }'
}

# What GitHub answers of the kind "not now": no answer, 5xx, half an answer, a used-up
# limit, and 401 right after a token was made (it takes a moment to be known everywhere).
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
    2*) printf 'status %s with a body that is no JSON' "$1" ;;
    *) printf 'status %s%s%s' "$1" "${message:+ ($message)}" "${needs:+; it needs the permission $needs}" ;;
  esac
}

# Removes the ready label from pull request NUMBER and says so; absent is fine.
# Only GitHub's own "Label does not exist" counts as absent: another 404 is none.
remove_ready_label() {
  local number=$1
  if github DELETE "/repos/$REPOSITORY/issues/$number/labels/$(uri "$READY_LABEL")"; then
    jq -e --arg key "$READY_LABEL" 'all(.[]; (.name | ascii_downcase) != ($key | ascii_downcase))' "$ANSWER" >/dev/null ||
      fail "GitHub removed label $READY_LABEL from pull request #$number but still lists it"
    log "took $READY_LABEL off pull request #$number"
  elif jq -e '.message == "Label does not exist"' "$ANSWER" >/dev/null 2>&1; then
    log "pull request #$number has no label $READY_LABEL"
  else
    fail "cannot take $READY_LABEL off pull request #$number: GitHub does not know it: $(github_words 404)"
  fi
}

# Labels this run with its outcome.
label_run() {
  jq -n --arg key "$LEDGER/outcome" --arg outcome "$1" '{metadata: {labels: {($key): $outcome}}}' >"$SCRATCH/patch"
  kube patch "workflows.v1alpha1.argoproj.io/$RUN_NAME" --namespace "$NAMESPACE" --type merge --patch-file "$SCRATCH/patch" --output name ||
    fail "cannot label run $RUN_NAME with its outcome: $(last_error)"
}
