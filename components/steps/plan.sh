# shellcheck shell=bash disable=SC2153 # AFTER is no misspelling
# plan: reads what decide.jq asks for, and writes its decision to plan.json: the main workflow, the CodeRuns by UID, the pull requests, and
# the outcome, which is `remediate` or says why there is nothing to do. The other steps act only on this file. plan itself changes only the
# ledger on the main workflow: it writes "begun" there before anything else changes. So if this run ends early, the next one knows that it
# has to finish the work, even if nothing looks stale.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/coderuns.sh
source "${BASH_SOURCE%/*}/coderuns.sh"
# shellcheck source=components/steps/main-workflow.sh
source "${BASH_SOURCE%/*}/main-workflow.sh"
# shellcheck source=components/steps/new-run.sh
source "${BASH_SOURCE%/*}/new-run.sh"
# shellcheck source=components/steps/github.sh
source "${BASH_SOURCE%/*}/github.sh"
# shellcheck source=components/steps/token.sh
source "${BASH_SOURCE%/*}/token.sh"
# shellcheck source=components/steps/pull-requests.sh
source "${BASH_SOURCE%/*}/pull-requests.sh"

DECIDE=$(<"${BASH_SOURCE%/*}/decide.jq")
BEGIN=$(<"${BASH_SOURCE%/*}/begin.jq")

main() {
  check_input
  printf null >"$SCRATCH/facts"
  logged=0
  entry=decide_on_ledger
  needs=(main-workflows)
  while :; do
    answers=()
    for need in "${needs[@]}"; do read_need "$need"; done
    decide
    case $decision in
      need) next ;;
      conclude) conclude "$what" "$words" ;;
      begin)
        begin
        conclude "$what" "$words"
        ;;
      fail) fail "$what" "$words" ;;
    esac
  done
}

next() {
  read -ra needs <<<"$what"
  case " $what " in
    *" coderuns "*) entry=decide_on_agents ;;
    *" all-coderuns "*) entry=decide_on_owned ;;
  esac
}

# read_need NEED: reads one thing that decide.jq asks for, and adds the file with the answer to $answers.
read_need() {
  local answer=$ANSWER
  case $1 in
    main-workflows)
      wait_until_quiet
      list_main_workflows ",workflows.argoproj.io/completed!=true"
      ;;
    ended-workflows) list_main_workflows "" ;;
    pulls-to-comment) find_pulls_to_comment ;;
    branches) find_branches ;;
    head-by-hand) find_head_by_hand ;;
    runs) must_kube "list the runs of task $TASK" GET "$WORKFLOWS?labelSelector=$(uri "$RUN_TASK_LABEL=$TASK")" ;;
    pulls)
      read_pull_requests
      answer=$SCRATCH/pulls
      ;;
    pulls-of-head)
      answer=$SCRATCH/pulls
      printf null >"$answer"
      [[ $(<"$SCRATCH/branches") != *"\"$AFTER\""* ]] || read_pull_requests
      ;;
    coderuns) list_task_coderuns ;;
    all-coderuns) list_all_coderuns ;;
  esac
  answers+=("$answer")
}

# ----------------------------------------------------------------- the decision

# Passes the files $answers to $needs on to decide.jq, and logs the new lines. It sets $decision; $what, which is the needs, the outcome or
# the cause; $words; and for a failure $object and $command.
decide() {
  local lines=() line asked
  printf -v asked '"%s", ' "${needs[@]}"
  printf '{"needs": [%s], "now": %d, "facts": %s}' "${asked%, }" "$EPOCHSECONDS" "$(<"$SCRATCH/facts")" >"$SCRATCH/so-far"
  jq -rs "$DECIDE"'
    def line: gsub("[\n\r]"; " ");
    '"$entry"' |
      (.facts | tojson),
      (.decision
        | (if .need then "need" elif .begin then "begin" elif .outcome then "conclude" else "fail" end),
          (.need // [.outcome // .cause // ""] | join(" ")),
          (.reason // .words // "" | line),
          (.object // ""),
          (.command // "")),
      (.plan + (.decision | {outcome, reason}) | tojson),
      (.log | length),
      (.log[], .shown[] | line)' "$SCRATCH/so-far" "${answers[@]}" >"$SCRATCH/decision"
  mapfile -t lines <"$SCRATCH/decision"
  printf '%s\n' "${lines[0]}" >"$SCRATCH/facts"
  decision=${lines[1]} what=${lines[2]} words=${lines[3]} object=${lines[4]} command=${lines[5]} plan=${lines[6]}
  shown=("${lines[@]:8 + lines[7]}")
  for line in "${lines[@]:8 + logged:lines[7] - logged}"; do log "$line"; done
  logged=${lines[7]}
}

conclude() {
  local line
  write_plan
  printf '%s\n' "${shown[@]}" >"$SHARED_DIR/planned"
  for line in "${shown[@]}"; do log "$line"; done
  cause=$1 finish "$2"
  exit 0
}

write_plan() {
  printf '%s\n' "$plan" >"$PLAN.new"
  mv "$PLAN.new" "$PLAN"
}

# -------------------------------------------------------------------- the input

# The Sensor passes only valid parameters, but people can start runs without the Sensor. A run with only a task is for the current head of
# the branch.
check_input() {
  must_match TASK "$TASK" "$TASK_PATTERN" 'a number without leading zeros'
  # The API server reads the task from the name of the pod.
  [[ $RUN_NAME == "$NAME-$TASK-"* ]] ||
    fail bad-parameter \
      "the run is called $RUN_NAME; the name of a run for task $TASK must begin with $NAME-$TASK-, or the API server refuses its writes:" \
      "$ARGO submit --from workflowtemplate/$NAME --generate-name $NAME-$TASK- -p task=$TASK … with the same parameters"
  by_hand=false
  [[ -n $BEFORE$AFTER$PUSHED_AT ]] || by_hand=true
  if [[ $by_hand == false ]]; then
    must_match BEFORE "$BEFORE" "$SHA_PATTERN" 'a commit SHA of 40 hex digits'
    must_match AFTER "$AFTER" "$SHA_PATTERN" 'a commit SHA of 40 hex digits'
    must_match PUSHED_AT "$PUSHED_AT" '^[1-9][0-9]{0,11}$' 'seconds since 1970'
    is_past "$PUSHED_AT" ||
      fail bad-parameter \
        "parameter PUSHED_AT is $PUSHED_AT, $((PUSHED_AT - EPOCHSECONDS)) s ahead of this node's clock; expected a time in the" \
        "past: correct the clock, or find out who created this run (kubectl -n $NAMESPACE get workflow $RUN_NAME -o yaml)"
  fi
  must_match DRY_RUN "$DRY_RUN" '^(true|false)$' 'true or false'
  check_repository
}

check_repository() {
  [[ -n $REPOSITORY ]] ||
    fail bad-parameter "parameter repository is missing; expected one of the configured ones ($(configured_repositories)):" \
      "-p repository=OWNER/NAME"
  must_match REPOSITORY "$REPOSITORY" "$REPOSITORY_PATTERN" 'owner/name'
  jq -en '$ENV.REPOSITORIES | fromjson | has($ENV.REPOSITORY | ascii_downcase)' >/dev/null ||
    object=$REPOSITORY command=resubmit fail not-configured \
      "parameter REPOSITORY is $REPOSITORY, which is not a configured repository ($(configured_repositories)):" \
      "correct it, or add it to repositories (pulumi up)$(then_run resubmit)"
}

configured_repositories() {
  jq -rn '$ENV.REPOSITORIES | fromjson | keys
    | (.[:5] | join(", ")) + if length > 5 then " and \(length - 5) more" else "" end'
}

is_past() {
  (($1 <= EPOCHSECONDS + CLOCK_MARGIN_SECONDS))
}

must_match() {
  [[ $2 =~ $3 ]] || fail bad-parameter "parameter $1 is $(printf '%q' "${2:0:80}"); expected $4"
}

# ------------------------------------------------------- what decide.jq asks for

# Waits for further pushes. After several pushes in a row, the runs of the older ones then find the run of the newest.
wait_until_quiet() {
  [[ $by_hand == false ]] && ((DEBOUNCE_SECONDS > 0)) || return 0
  local left=$((PUSHED_AT + DEBOUNCE_SECONDS - EPOCHSECONDS))
  ((left > 0)) || return 0
  left=$((left < DEBOUNCE_SECONDS ? left : DEBOUNCE_SECONDS))
  log "waiting $left s for further pushes"
  sleep "$left"
  # Waiting does not count towards the deadline.
  SECONDS=0
}

# The pod that resumed the main workflow may have been lost before it could comment on the pull requests. Then `record` of this pod
# comments. If GitHub does not say which pull requests there are, the outcome is still remediated.
find_pulls_to_comment() {
  read_pulls_to_comment &
  answer=$SCRATCH/pulls
  wait "$!" || printf null >"$answer"
}

read_pulls_to_comment() {
  fail() {
    log "the pull request gets no comment: ${*:2}"
    exit 1
  }
  STEP_TIMEOUT_SECONDS=$((SECONDS + 20))
  find_branches
  read_pull_requests
}

find_branches() {
  mint_token "$READ_AND_LABEL"
  read_branches
  answer=$SCRATCH/branches
}

# Takes the time from GitHub, because pushes are ordered by GitHub's clock.
find_head_by_hand() {
  local at
  find_branches
  at=$(date --date "$(header date)" +%s) || passes=true fail odd-answer "GitHub's answer has no valid date: $(header date)"
  answer=$SCRATCH/head
  printf '{"at": %d, "branches": %s}' "$at" "$(<"$SCRATCH/branches")" >"$answer"
}

# ------------------------------------------------------------------------- begin

# Writes and reads the main workflow until the ledger says that this run has begun.
begin() {
  local todo about
  write_plan
  while :; do
    read_main_workflow
    jq -r --slurpfile plan "$PLAN" --arg again "$(new_run_command)" "$BEGIN | .[]" "$SCRATCH/workflow" >"$SCRATCH/begin"
    {
      read -r todo
      read -r about
    } <"$SCRATCH/begin"
    case $todo in
      done) return 0 ;;
      taken) plan_again "another run took over main workflow $about meanwhile" ;;
      ended) fail_ended "$about" ;;
    esac
    printf '%s\n' "$about" >"$SCRATCH/patch"
    write_main_workflow "the ledger"
  done
}

main
