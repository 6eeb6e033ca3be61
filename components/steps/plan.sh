# shellcheck shell=bash disable=SC2153 # AFTER is no misspelling
# plan: reads what decide.jq asks for, and writes what that decides into plan.json, on which alone the other steps act: which
# main workflow, which CodeRuns by UID, which pull requests, and the outcome, `remediate`
# or the reason why there is nothing to do. It touches nothing; but before anything else
# may be touched, it writes "begun" into the ledger on the main workflow. So whatever
# ends this run, the next one knows that it has to go on, however little looks stale.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/coderuns.sh
source "${BASH_SOURCE%/*}/coderuns.sh"
# shellcheck source=components/steps/main-workflow.sh
source "${BASH_SOURCE%/*}/main-workflow.sh"
# shellcheck source=components/steps/anew.sh
source "${BASH_SOURCE%/*}/anew.sh"
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
      fail) fail "$words" ;;
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

# read_need NEED: reads what decide.jq asks for, and adds the file with the answer to $answers.
read_need() {
  local answer=$ANSWER
  case $1 in
    main-workflows)
      wait_until_quiet
      list_main_workflows ",workflows.argoproj.io/completed!=true"
      ;;
    ended-workflows) list_main_workflows "" ;;
    whom-to-tell) find_whom_to_tell ;;
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

# decide: asks decide.jq, with the files $answers to $needs. Leaves its decision, what it is of (needs, an outcome or a
# cause) and its words in $decision, $what and $words, and logs what is new.
decide() {
  local lines=() line took
  printf -v took '"%s", ' "${needs[@]}"
  printf '{"took": [%s], "now": %d, "facts": %s}' "${took%, }" "$EPOCHSECONDS" "$(<"$SCRATCH/facts")" >"$SCRATCH/so-far"
  jq -rs "$DECIDE"'
    def line: gsub("[\n\r]"; " ");
    '"$entry"' |
      (.facts | tojson),
      (.decision
        | (if .need then "need" elif .begin then "begin" elif .outcome then "conclude" else "fail" end),
          (.need // [.outcome // .cause // ""] | join(" ")),
          (.reason // .words // "" | line)),
      (.plan + (.decision | {outcome, reason}) | tojson),
      (.log | length),
      (.log[], .shown[] | line)' "$SCRATCH/so-far" "${answers[@]}" >"$SCRATCH/decision"
  mapfile -t lines <"$SCRATCH/decision"
  printf '%s\n' "${lines[0]}" >"$SCRATCH/facts"
  decision=${lines[1]} what=${lines[2]} words=${lines[3]} plan=${lines[4]}
  shown=("${lines[@]:6 + lines[5]}")
  for line in "${lines[@]:6 + logged:lines[5] - logged}"; do log "$line"; done
  logged=${lines[5]}
}

conclude() {
  local line
  write_plan
  printf '%s\n' "${shown[@]}" >"$SHARED_DIR/planned"
  for line in "${shown[@]}"; do log "$line"; done
  finish "$1: $2"
  exit 0
}

write_plan() {
  printf '%s\n' "$plan" >"$PLAN.new"
  mv "$PLAN.new" "$PLAN"
}

# -------------------------------------------------------------------- the input

# The Sensor lets through only what matches; a run started by hand has no Sensor. With the
# task alone it is for whatever the branch's head is.
check_input() {
  must_match TASK "$TASK" "$TASK_PATTERN" 'a number without leading zeros'
  # By the name of its pod the API server knows whose a run is.
  [[ $RUN_NAME == "$NAME-$TASK-"* ]] ||
    fail "the run is called $RUN_NAME; one for task $TASK has to begin with $NAME-$TASK-, or the API server refuses what it writes:" \
      "$ARGO submit --from workflowtemplate/$NAME --generate-name $NAME-$TASK- -p task=$TASK … with the same parameters"
  by_hand=false
  [[ -n $BEFORE$AFTER$PUSHED_AT ]] || by_hand=true
  if [[ $by_hand == false ]]; then
    must_match BEFORE "$BEFORE" "$SHA_PATTERN" 'a commit SHA of 40 hex digits'
    must_match AFTER "$AFTER" "$SHA_PATTERN" 'a commit SHA of 40 hex digits'
    must_match PUSHED_AT "$PUSHED_AT" '^[1-9][0-9]{0,11}$' 'seconds since 1970'
    is_past "$PUSHED_AT" ||
      fail "parameter PUSHED_AT is $PUSHED_AT, $((PUSHED_AT - EPOCHSECONDS)) s ahead of this node's clock; expected a push of the" \
        "past: set the clock right, or look for who made this run (kubectl -n $NAMESPACE get workflow $RUN_NAME -o yaml)"
  fi
  must_match DRY_RUN "$DRY_RUN" '^(true|false)$' 'true or false'
  check_repository
}

check_repository() {
  [[ -n $REPOSITORY ]] ||
    fail "parameter repository is missing; expected one of the configured ones ($(configured_repositories)):" \
      "-p repository=OWNER/NAME"
  must_match REPOSITORY "$REPOSITORY" "$REPOSITORY_PATTERN" 'owner/name'
  jq -en '$ENV.REPOSITORIES | fromjson | has($ENV.REPOSITORY | ascii_downcase)' >/dev/null ||
    fail "parameter REPOSITORY is $REPOSITORY, which is none of the configured repositories ($(configured_repositories)):" \
      "correct it, or add it to repositories (pulumi up)$(then_again resubmit)"
}

configured_repositories() {
  jq -rn '$ENV.REPOSITORIES | fromjson | keys
    | (.[:5] | join(", ")) + if length > 5 then " and \(length - 5) more" else "" end'
}

# A push from the future would make every true one an old one. GitHub takes no App's
# signature from a clock that is further off than this.
is_past() {
  (($1 <= EPOCHSECONDS + 600))
}

must_match() {
  [[ $2 =~ $3 ]] || fail "parameter $1 is $(printf '%q' "${2:0:80}"); expected $4"
}

# ------------------------------------------------------- what decide.jq asks for

# Of several pushes in a row the older find the newer one's run when the quiet is over.
wait_until_quiet() {
  [[ $by_hand == false ]] && ((QUIET_SECONDS > 0)) || return 0
  local left=$((PUSHED_AT + QUIET_SECONDS - EPOCHSECONDS))
  ((left > 0)) || return 0
  left=$((left < QUIET_SECONDS ? left : QUIET_SECONDS))
  log "waiting $left s for further pushes"
  sleep "$left"
  # The deadline is for the work.
  SECONDS=0
}

# The pod that resumed it may have been lost before it told the pull requests: then this one's
# `record` does. Where GitHub does not say which these are, it is remediated all the same.
find_whom_to_tell() {
  read_whom_to_tell &
  answer=$SCRATCH/pulls
  wait "$!" || printf null >"$answer"
}

read_whom_to_tell() {
  fail() {
    log "the pull request is not told: $*"
    exit 1
  }
  STEP_DEADLINE_SECONDS=$((SECONDS + 20))
  find_branches
  read_pull_requests
}

find_branches() {
  mint_token "$READ_AND_LABEL"
  read_branches
  answer=$SCRATCH/branches
}

# The time is GitHub's, by whose clock all pushes are put in order.
find_head_by_hand() {
  local at
  find_branches
  at=$(date --date "$(header date)" +%s) || fail "GitHub's answer bears no date: $(header date)"
  answer=$SCRATCH/head
  printf '{"at": %d, "branches": %s}' "$at" "$(<"$SCRATCH/branches")" >"$answer"
}

# ------------------------------------------------------------------------- begin

# Until the ledger says that this run has begun: whatever became of a write, it is read back.
begin() {
  local todo about
  write_plan
  while :; do
    read_main_workflow
    jq -r --slurpfile plan "$PLAN" --arg again "$(anew)" "$BEGIN | .[]" "$SCRATCH/workflow" >"$SCRATCH/begin"
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
