# shellcheck shell=bash disable=SC2016,SC2153 # in jq's texts, $ is jq's; AFTER is no misspelling
# plan: reads everything and writes plan.json, on which alone the other steps act: which
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
# shellcheck source=components/steps/github.sh
source "${BASH_SOURCE%/*}/github.sh"
# shellcheck source=components/steps/token.sh
source "${BASH_SOURCE%/*}/token.sh"
# shellcheck source=components/steps/pull-requests.sh
source "${BASH_SOURCE%/*}/pull-requests.sh"

main() {
  check_input
  wait_until_quiet
  find_main_workflow
  [[ $by_hand == false ]] || take_present_head
  check_ledger
  [[ $by_hand == true ]] || find_branches
  find_head
  find_pull_requests
  check_hold
  find_targets
  check_contradictions
  check_near_misses
  check_number_of_targets
  check_stale
  check_owned
  check_writable
  [[ $DRY_RUN == true ]] && conclude dry-run "a dry run: nothing is touched"
  begin
  conclude remediate "something of the old head is still at work"
}

# ------------------------------------------------------------------- the plan

# A fact is a named value; the plan is the facts and an outcome. The program sees the
# facts so far as $facts[0].
fact() {
  local name=$1 program=$2
  shift 2
  jq --slurpfile facts "$SCRATCH/facts" --arg fact "$name" "($program) as \$value | \$facts[0] + {(\$fact): \$value}" "$@" >"$SCRATCH/facts.new"
  mv "$SCRATCH/facts.new" "$SCRATCH/facts"
}

conclude() {
  write_plan "$1" "$2"
  print_plan
  finish "$1: $2"
  exit 0
}

write_plan() {
  jq --arg outcome "$1" --arg reason "$2" '. + {outcome: $outcome, reason: $reason}' "$SCRATCH/facts" >"$PLAN.new"
  mv "$PLAN.new" "$PLAN"
}

print_plan() {
  jq -r '
    "task \(.task), \(if .byHand then "by hand" else "pushed \(.after[:12])" end), head \((.head // "unknown")[:12])",
    (.workflow // empty | "main workflow \(.name) at stage \(.stage)"),
    (.pulls // [] | .[] | "pull request #\(.number)\(if .ready then ", labelled ready" else "" end)\(if .labelled then "" else ", found by its branch: it lacks the task label" end)"),
    (.targets // [] | .[] | "cancel \(.name) (\(.agent), since \(.created))"),
    (.leftAlone // [] | .[] | "leave \(.name): \(.why)")' "$PLAN" |
    tee "$SHARED_DIR/planned" | while IFS= read -r line; do log "$line"; done
}

# -------------------------------------------------------------------- checks

# The Sensor lets through only what matches; a run started by hand has no Sensor. With the
# task alone it is for whatever the branch's head is.
check_input() {
  must_match TASK "$TASK" "$TASK_PATTERN" 'a number without leading zeros'
  # By the name of its pod the API server knows whose a run is.
  [[ $RUN_NAME == "$NAME-$TASK-"* ]] ||
    fail "the run is called $RUN_NAME; one for task $TASK has to begin with $NAME-$TASK-, or the API server refuses what it writes: $ARGO submit --from workflowtemplate/$NAME --generate-name $NAME-$TASK- -p task=$TASK … with the same parameters"
  by_hand=false
  [[ -n $BEFORE$AFTER$PUSHED_AT ]] || by_hand=true
  if [[ $by_hand == false ]]; then
    must_match BEFORE "$BEFORE" "$SHA_PATTERN" 'a commit SHA of 40 hex digits'
    must_match AFTER "$AFTER" "$SHA_PATTERN" 'a commit SHA of 40 hex digits'
    must_match PUSHED_AT "$PUSHED_AT" '^[1-9][0-9]{0,11}$' 'seconds since 1970'
    is_past "$PUSHED_AT" ||
      fail "parameter PUSHED_AT is $PUSHED_AT, $((PUSHED_AT - EPOCHSECONDS)) s ahead of this node's clock; expected a push of the past: set the clock right, or look for who made this run (kubectl -n $NAMESPACE get workflow $RUN_NAME -o yaml)"
  fi
  must_match DRY_RUN "$DRY_RUN" '^(true|false)$' 'true or false'
  check_repository
  write_push
}

check_repository() {
  [[ -n $REPOSITORY ]] ||
    fail "parameter repository is missing; expected one of the configured ones ($(configured_repositories)): -p repository=OWNER/NAME"
  must_match REPOSITORY "$REPOSITORY" "$REPOSITORY_PATTERN" 'owner/name'
  jq -en --argjson repositories "$REPOSITORIES" --arg repository "$REPOSITORY" \
    '$repositories | has($repository | ascii_downcase)' >/dev/null ||
    fail "parameter REPOSITORY is $REPOSITORY, which is none of the configured repositories ($(configured_repositories)): correct it, or add it to repositories (pulumi up)$(then_again resubmit)"
}

configured_repositories() {
  jq -rn --argjson repositories "$REPOSITORIES" '
    $repositories | keys | (.[:5] | join(", ")) + if length > 5 then " and \(length - 5) more" else "" end'
}

# The first facts.
write_push() {
  jq -n --arg task "$TASK" --arg after "$AFTER" --arg before "$BEFORE" --arg repository "$REPOSITORY" \
    --arg run "$RUN_NAME" --arg pushedAt "$PUSHED_AT" --argjson byHand "$by_hand" \
    '{task: $task, repository: $repository, before: $before, after: $after, pushedAt: ($pushedAt | tonumber? // 0), run: $run}
      + if $byHand then {byHand: true} else {} end' >"$SCRATCH/facts"
}

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

# A push from the future would make every true one an old one. GitHub takes no App's
# signature from a clock that is further off than this.
is_past() {
  (($1 <= EPOCHSECONDS + 600))
}

must_match() {
  [[ $2 =~ $3 ]] || fail "parameter $1 is $(printf '%q' "${2:0:80}"); expected $4"
}

# One main workflow, or none; two would leave to chance which one QA restarts in.
find_main_workflow() {
  find_main_workflows
  case $(jq length "$SCRATCH/main-workflows") in
    0)
      check_ended_workflows
      conclude no-workflow "no main workflow of task $TASK is running in $NAMESPACE ($MAIN_WORKFLOW_TYPE_LABEL=$MAIN_WORKFLOW_TYPE, $MAIN_WORKFLOW_TASK_LABEL=$TASK, of this repository)$ending"
      ;;
    1) ;;
    *) fail "task $TASK has more than one main workflow: $(jq -r '[.[].metadata.name] | join(", ")' "$SCRATCH/main-workflows"); end all but one ($ARGO stop NAME), then: $ARGO retry $RUN_NAME" ;;
  esac
  jq '.[0]' "$SCRATCH/main-workflows" >"$SCRATCH/workflow"
  workflow_fact
}

workflow_fact() {
  fact workflow '
    {name: .metadata.name, uid: .metadata.uid, stage: .metadata.labels[$stage_label],
     ledger: (.metadata.annotations // {} | with_entries(select(.key | startswith("\($ledger)/")) | .key |= ltrimstr("\($ledger)/")))}' \
    --arg stage_label "$MAIN_WORKFLOW_STAGE_LABEL" --arg ledger "$LEDGER" "$SCRATCH/workflow"
}

# Without an unfinished main workflow there is nothing to do, unless this run had begun
# on one that has ended since.
check_ended_workflows() {
  local name
  list_main_workflows ""
  ending=$(jq -r "$HAS_ENDED"'[.[] | select(has_ended and (.status.phase | IN("Succeeded", "Failed", "Error") | not))
    | "; \(.metadata.name) \(how_it_ended)"] | join("")' "$SCRATCH/main-workflows")
  jq --arg ledger "$LEDGER" --arg run "$RUN_NAME" "$HAS_ENDED"'
    first(.[] | select(has_ended and .metadata.annotations["\($ledger)/run"] == $run)) // null' "$SCRATCH/main-workflows" >"$SCRATCH/workflow"
  name=$(jq -r '.metadata.name // empty' "$SCRATCH/workflow")
  [[ -n $name ]] || return 0
  [[ $(jq -r --arg ledger "$LEDGER" '.metadata.annotations["\($ledger)/resumed"]' "$SCRATCH/workflow") == true ]] || must_be_unfinished
  workflow_fact
  find_whom_to_tell
  conclude remediated "this run resumed main workflow $name, which has ended since"
}

# The ledger on the main workflow knows the heads on which QA was restarted: a push of one
# of them is handled, whatever its time, because copies of one push may bear two times. One
# that was begun and not resumed is carried on.
check_ledger() {
  jq -r '.workflow.ledger | [.["pushed-at"] // "0", .resumed // "never", .head // "", .pushed // "", .run // "", .heads // .head // ""] | .[]' \
    "$SCRATCH/facts" >"$SCRATCH/handled"
  mapfile -t handled <"$SCRATCH/handled"
  handled_at=${handled[0]} resumed=${handled[1]} begun=false
  [[ ${handled[1]} != false ]] || begun=true
  [[ $handled_at =~ ^[0-9]{1,12}$ ]] ||
    fail "annotation $LEDGER/pushed-at of main workflow $(jq -r .workflow.name "$SCRATCH/facts") is not a time in seconds; remove it (kubectl -n $NAMESPACE annotate workflow $(jq -r .workflow.name "$SCRATCH/facts") $LEDGER/pushed-at-), then: $ARGO retry $RUN_NAME"
  is_past "$handled_at" ||
    fail "annotation $LEDGER/pushed-at of main workflow $(jq -r .workflow.name "$SCRATCH/facts") is $handled_at, $((handled_at - EPOCHSECONDS)) s ahead of this node's clock, so that no push would count any more: set the clock right or remove the annotation, then: $ARGO retry $RUN_NAME"
  if [[ $resumed == true && ${handled[4]} == "$RUN_NAME" ]] && [[ $by_hand == true || ${handled[3]} == "$AFTER" ]]; then
    find_whom_to_tell
    conclude remediated "this run resumed the main workflow before its pod was started again"
  fi
  if [[ $resumed == true && $by_hand == false && ,${handled[5]}, == *,"$AFTER",* ]]; then
    conclude already-remediated "this head was handled by run ${handled[4]}"
  fi
  [[ $begun == false ]] || log "run ${handled[4]} began (${handled[3]:0:12}) and did not end; this run carries it on"
}

# The pod that resumed it may have been lost before it told the pull requests: then this one's
# `record` does. Where GitHub does not say which these are, it is remediated all the same.
find_whom_to_tell() {
  [[ $PULL_REQUEST_COMMENTS == true ]] || return 0
  read_whom_to_tell &
  if wait "$!"; then fact pulls . "$SCRATCH/pulls"; fi
}

read_whom_to_tell() {
  fail() {
    log "the pull request is not told: $*"
    exit 1
  }
  STEP_DEADLINE_SECONDS=$((SECONDS + 20))
  mint_token "$READ_AND_LABEL"
  read_branches
  read_pull_requests
}

# --------------------------------------------------------- branch, pull requests

find_branches() {
  mint_token "$READ_AND_LABEL"
  read_branches
  fact branches . "$SCRATCH/branches"
}

# By hand, for whatever is the head now. The time is GitHub's, by whose clock all pushes are
# put in order.
take_present_head() {
  find_branches
  AFTER=$(jq -r '.branches[0].sha // empty' "$SCRATCH/facts")
  [[ -n $AFTER ]] || conclude no-pull-request "$REPOSITORY has no branch of task $TASK ($BRANCH_PREFIX$TASK)"
  PUSHED_AT=$(date --date "$(header date)" +%s) || fail "GitHub's answer bears no date: $(header date)"
  fact after '$after' --null-input --arg after "$AFTER"
  fact pushedAt '$at' --null-input --argjson at "$PUSHED_AT"
}

# The branch that stands at the pushed commit is the one that was pushed. If none
# does, either a newer push has a run of its own, or somebody pushed on top of Rex. A
# newer run that ended as held handled nothing, nor did one that Argo refused, which has no
# outcome. What was made by `argo resubmit` bears
# the label of the run that it was made from until it has its own.
find_head() {
  fact head '$facts[0].after as $after | $facts[0].branches | map(.sha)
    | if index($after) then $after else .[0] end' --null-input
  if [[ $(jq -r .head "$SCRATCH/facts") != "$AFTER" ]]; then
    check_overtaken
    must_kube "list the runs of task $TASK" GET "$WORKFLOWS?labelSelector=$(uri "$LEDGER/task=$TASK")"
    newer=$(jq -r --argjson mine "$PUSHED_AT" --arg run "$RUN_NAME" --arg repository "$REPOSITORY" --arg ledger "$LEDGER" --slurpfile facts "$SCRATCH/facts" '
      def ended_as_held: (.status.phase | IN("Succeeded", "Failed", "Error")) and .metadata.labels["\($ledger)/outcome"] == "held";
      def never_begun: (.status.phase | IN("Error", "Failed")) and .metadata.labels["\($ledger)/outcome"] == null;
      [.items[] | select(.metadata.name != $run) | select((ended_as_held or never_begun) | not)
        | (.spec.arguments.parameters // [] | map({(.name): .value}) | add // {}) as $push
        | select($push.repository // "" | ascii_downcase == ($repository | ascii_downcase))
        | select(($push["pushed-at"] | tonumber? // 0) as $at
            | $at > $mine or ($at == $mine and $push.after == $facts[0].head))
        | .metadata.name] | first // empty' "$ANSWER")
    [[ -n $newer ]] && conclude superseded "a newer push has run $newer"
    log "the branch is not at the pushed commit any more: somebody pushed on top of it"
  fi
}

# No branch stands at the pushed commit any more. If this very push was handled, with
# somebody's on top of it, or QA was restarted on what stands there now, or for a push that
# is newer by any clock of GitHub's, there is nothing left to do for it.
check_overtaken() {
  [[ $resumed == true ]] || return 0
  [[ $AFTER != "${handled[3]}" ]] || conclude already-remediated "this push was handled by run ${handled[4]}"
  if ((PUSHED_AT < handled_at - SURELY_AFTER)) ||
    jq -e --arg heads "${handled[5]}" '.branches != [] and all(.branches[]; .sha | IN($heads | split(",")[]))' "$SCRATCH/facts" >/dev/null; then
    conclude superseded "a newer push (${handled[2]:0:12}) was handled by run ${handled[4]}"
  fi
}

find_pull_requests() {
  read_pull_requests
  fact pulls . "$SCRATCH/pulls"
  # Where several branches carry the task and none is at the pushed commit, the one under review counts.
  fact head '$facts[0] as {$after, $head, $branches, $pulls}
    | if $head == $after then $head
      else first($branches[] | select(.ref | IN($pulls[].ref)) | .sha) // $head end' --null-input
  # What was begun is ended, even if the pull request was closed meanwhile.
  [[ $begun == true || $(jq '.pulls | length' "$SCRATCH/facts") != 0 ]] ||
    conclude no-pull-request "no open pull request of $REPOSITORY comes from a branch of task $TASK"
}

# What was begun is ended all the same: a main workflow left half reset is worse than
# one that nobody held back in time.
check_hold() {
  local held
  held=$(jq -r '[.pulls[] | select(.held) | "#\(.number)"] | join(", ")' "$SCRATCH/facts")
  [[ -n $held ]] || return 0
  [[ $begun == true ]] ||
    conclude held "label $HOLD_LABEL is on pull request $held: a person holds task $TASK; nothing was touched; to go on, take the label off, then: $ARGO resubmit $RUN_NAME"
  log "label $HOLD_LABEL is on pull request $held, but what was begun is ended all the same"
}

# ------------------------------------------------------------ agents and staleness

find_targets() {
  list_task_coderuns
  with_coderuns '[.items[] | select(why_not == null) | shown]' >"$SCRATCH/targets"
  with_coderuns '[.items[] | why_not as $why | select($why != null) | {name: .metadata.name, agent: agent, why: $why}]' >"$SCRATCH/left-alone"
  fact targets . "$SCRATCH/targets"
  fact leftAlone . "$SCRATCH/left-alone"
}

# Where one label says the one and another the other, only those who made the CodeRun can
# tell whose it is.
check_contradictions() {
  local contradictions
  contradictions=$(with_coderuns "$FEW"'
    [.items[] | select(why_not == null) | "\(.metadata.name) (\(contradiction))"] | few' --raw-output)
  [[ -z $contradictions ]] ||
    fail "the labels of some $CODERUN_RESOURCE of task $TASK contradict one another: $contradictions; $(untouched)correct the labels or end what should not be there (kubectl -n $NAMESPACE get $CODERUN_RESOURCE.$CODERUN_GROUP -l $CODERUN_TASK_LABEL=$TASK --show-labels), then: $ARGO retry $RUN_NAME"
}

# Nobody knows what was meant, and QA would begin again beside an agent that is at work.
check_near_misses() {
  local near
  near=$(with_coderuns "$FEW"'
    [.items[] | near_miss as $listed | select($listed != null)
      | "\(.metadata.name) (\($agent_label)=\(agent), listed is \($listed))"] | few' --raw-output)
  [[ -z $near ]] ||
    fail "agents of some $CODERUN_RESOURCE of task $TASK are listed but for their spelling: $near; $(untouched)correct the label or end what should not be there (kubectl -n $NAMESPACE get $CODERUN_RESOURCE.$CODERUN_GROUP -l $CODERUN_TASK_LABEL=$TASK --show-labels), then: $ARGO retry $RUN_NAME; or list that spelling too, in agents.toCancel (pulumi up), then: $ARGO resubmit $RUN_NAME"
}

# So many agents for one task are a runaway, or labels gone wrong. A retried run keeps the
# limit that it began with, a resubmitted one has the new.
check_number_of_targets() {
  local number
  number=$(jq '.targets | length' "$SCRATCH/facts")
  ((number <= MAX_AGENTS_TO_CANCEL)) ||
    fail "task $TASK has $number agents to cancel, more than agents.maxToCancel ($MAX_AGENTS_TO_CANCEL): $(jq -r "$FEW"'[.targets[].name] | few' "$SCRATCH/facts"); $(untouched)see which: kubectl -n $NAMESPACE get $CODERUN_RESOURCE.$CODERUN_GROUP -l $CODERUN_TASK_LABEL=$TASK; end those that should not be there, then: $ARGO retry $RUN_NAME; or raise agents.maxToCancel (pulumi up), then: $ARGO resubmit $RUN_NAME"
}

untouched() {
  [[ $begun == true ]] || printf 'nothing was touched; '
}

# Rex pushes often while still implementing: nothing has been built on the old head then.
check_stale() {
  local position
  position=$(jq -r --argjson stages "$STAGES" --arg reset "$RESET_STAGE" '
    .workflow.stage as $stage
    | if $stage == null then "before" else ($stages | index([$stage])) as $at
      | if $at == null then "unknown" elif $at <= ($stages | index([$reset])) then "before" else "after" end end' "$SCRATCH/facts")
  [[ $position != unknown ]] ||
    fail "main workflow $(jq -r .workflow.name "$SCRATCH/facts") stands at stage $(jq -r .workflow.stage "$SCRATCH/facts"), which is none of the configured stages $STAGES: add it to mainWorkflow.stages (pulumi up), then: $ARGO resubmit $RUN_NAME; or correct the label $MAIN_WORKFLOW_STAGE_LABEL, then: $ARGO retry $RUN_NAME"
  # What looks fresh may be half reset.
  [[ $begun == false ]] || return 0
  if [[ $position == before ]] && jq -e '(.targets | length) == 0 and all(.pulls[]; .ready | not)' "$SCRATCH/facts" >/dev/null; then
    conclude nothing-stale "no listed agent is at work, no pull request is labelled $READY_LABEL, and the stage is not past $RESET_STAGE"
  fi
  if began_after_the_push; then
    conclude nothing-stale "QA began $SURELY_AFTER s after this push or later, and so on its head: it came late (delivered again, or long in the queue)"
  fi
}

# GitHub's clock and the cluster's differ by less: else GitHub would take no token of ours.
readonly SURELY_AFTER=120

# A push may arrive late, and the agents that began a round after it work on its head: to
# cancel them would be wrong. A round begins with the first agent of the list. What stands
# from before, an agent at work or the ready label while no agent of a new round has ended, is stale.
began_after_the_push() {
  jq -e '.head == .after' "$SCRATCH/facts" >/dev/null || return 1
  with_coderuns '
    [.items[] | select(agent | IN($agents[])) | select(of_this_repository($repository_label))
      | {agent: agent, finished: finished, at: (.metadata.creationTimestamp | fromdateiso8601)}] | sort_by(.at)
    | (map(select(.at > $pushed - $margin)) | first) as $first
    | [.[] | select(.agent == $agents[0] and .at > $pushed + $margin)] as $rounds
    | $first != null and $first == $rounds[0]
      and all(.[]; .finished or .at > $pushed + $margin)
      and ((any($facts[0].pulls[]; .ready) | not) or any($rounds[]; .finished))' \
    --argjson pushed "$PUSHED_AT" --argjson margin "$SURELY_AFTER" --slurpfile facts "$SCRATCH/facts" >"$SCRATCH/late"
  [[ $(<"$SCRATCH/late") == true ]]
}

# Before anything is touched; stop-qa looks again before each deletion.
check_owned() {
  [[ $(jq '.targets | length' "$SCRATCH/facts") == 0 ]] ||
    stop_if_others_go_along "$SCRATCH/facts" "$(untouched)"
}

by_hand_commands() {
  local name
  name=$(jq -r .metadata.name "$SCRATCH/workflow")
  printf 'kubectl -n %s label --overwrite workflow %s %s=%s; %s resume %s' \
    "$NAMESPACE" "$name" "$MAIN_WORKFLOW_STAGE_LABEL" "$RESET_STAGE" "$ARGO" "$name"
}

# Where Argo keeps the nodes packed, a written node would make it lose all others.
check_writable() {
  jq -e '(.status.compressedNodes // "") == "" and (.status.offloadNodeStatusVersion // "") == ""' "$SCRATCH/workflow" >/dev/null ||
    fail "main workflow $(jq -r .metadata.name "$SCRATCH/workflow") keeps its node status compressed or offloaded, where no gate can be resumed from here; nothing was touched: end its agents, then: $(by_hand_commands) (through the Argo server where it is offloaded); or make the workflow smaller"
}

# ------------------------------------------------------------------------- begin

# What was begun and is carried on belongs to the round in which it was begun. QA begins on
# whatever the branches stand at.
begin() {
  fact round '$facts[0].workflow.ledger.round as $last | ($last // "0" | tonumber? // 0) + if $begun and $last != null then 0 else 1 end' \
    --null-input --argjson begun "$begun"
  write_plan remediate "begun"
  until begun_is_written; do
    must_be_unfinished
    guarded_patch '
      $plan[0] as $plan
      | as_read + ledger({
          head: $plan.head, heads: ($plan.branches | map(.sha) | unique | join(",")), pushed: $plan.after, run: $plan.run, round: ($plan.round | tostring), resumed: "false",
          outcome: "begun", message: "\($plan.run) has begun to restart QA; if it is gone, a new one carries it on: \($again)",
          "pushed-at": ([$plan.pushedAt, (annotation("pushed-at") // "0" | tonumber)] | max | tostring)})' \
      --arg again "$(anew)"
    write_main_workflow "the ledger"
  done
}

begun_is_written() {
  read_main_workflow
  ledger_says false && return
  jq -e --slurpfile plan "$PLAN" --arg ledger "$LEDGER" '
    (.metadata.annotations["\($ledger)/run"] // "") == ($plan[0].workflow.ledger.run // "")' "$SCRATCH/workflow" >/dev/null ||
    plan_again "another run took over main workflow $(jq -r .metadata.name "$SCRATCH/workflow") meanwhile"
  return 1
}

main
