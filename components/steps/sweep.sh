# shellcheck shell=bash disable=SC2034,SC2153 # the sourced files use what is set here
# sweep: finds pushes that GitHub could not deliver or that were lost after their delivery. It asks GitHub to redeliver failed deliveries.
# And if Rex's last push to a task's pull request has no run after some time, and the ledger does not list the head as handled, it starts
# the run that the push should have had. The plan of that run decides whether anything is stale.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/github.sh
source "${BASH_SOURCE%/*}/github.sh"
# shellcheck source=components/steps/token.sh
source "${BASH_SOURCE%/*}/token.sh"
# shellcheck source=components/steps/deliveries.sh
source "${BASH_SOURCE%/*}/deliveries.sh"

main() {
  troubles=()
  : >"$SCRATCH/redelivered"
  echo '[]' >"$SCRATCH/lost"
  try_part "the App's own webhook" redeliver_of_app
  find_tasks
  while IFS= read -r REPOSITORY; do
    try_part "$REPOSITORY" sweep_repository
  done < <(repositories_to_sweep)
  start_remediations
  report
}

# Prints the repositories with tasks, and some of the others. With hundreds of them, a sweep has neither the time nor
# the GitHub rate limit for all. The choice is random, so that each gets its turn whatever the schedule is.
repositories_to_sweep() {
  jq -rn --argjson repositories "$REPOSITORIES" --slurpfile tasks "$SCRATCH/tasks" \
    --argjson chance "$RANDOM" --argjson most "$MOST_WITHOUT_TASKS" '
    ($repositories | keys) as $all | ($all - [$tasks[0][].repository]) as $idle
    | ($all - $idle)[], ($idle | .[$chance % ([length, 1] | max):] + . | .[:[$most, ($idle | length)] | min][])'
}

readonly MOST_WITHOUT_TASKS=25

# try_part WHAT COMMAND: runs a part of the sweep. If it fails, the other parts still run.
try_part() {
  "$2" &
  wait "$!" || troubles+=("$1 ($(head --lines=-1 "$TERMINATION_LOG"))")
}

report() {
  local redelivered
  redelivered=$(wc -l <"$SCRATCH/redelivered")
  printf '%d' "$redelivered" >"$SHARED_DIR/redelivered"
  printf '%d' "$started" >"$SHARED_DIR/started"
  finish "started $started remediations, asked for $redelivered redeliveries"
  ((${#troubles[@]} == 0)) || passes=true fail not-all-done \
    "not everything was done: $(printf '%s; ' "${troubles[@]}")the next sweep tries again"
}

# Stores the unfinished main workflows in $SCRATCH/tasks: task, repository, and the heads that the ledger lists as handled.
find_tasks() {
  accept=$METADATA_LIST must_kube "list the main workflows" GET \
    "$WORKFLOWS?labelSelector=$(uri "$MAIN_TYPE_LABEL=$MAIN_TYPE,workflows.argoproj.io/completed!=true")"
  jq --argjson repositories "$REPOSITORIES" --arg task "$MAIN_TASK_LABEL" \
    --arg repository "$MAIN_REPOSITORY_LABEL" "$VOCABULARY"'
    [.items // [] | .[] | . as $workflow
      | (ledger_of | if .resumed == "true" then . else {} end) as $handled
      | {task: (.metadata.labels[$task] // ""),
         repository: [$repositories | keys[] | . as $one | select($workflow | is_of_repository($repositories; $one; $repository))][0],
         handled: ($handled.heads // $handled.head // "" | split(",")), pushed: $handled.pushed}
      | select(.task | test(task_pattern))]' "$ANSWER" >"$SCRATCH/tasks"
}

sweep_repository() {
  jq --arg repository "$REPOSITORY" 'map(select(.repository == $repository))' "$SCRATCH/tasks" >"$SCRATCH/its-tasks"
  find_installation
  redeliver_of_repository
  [[ $(jq length "$SCRATCH/its-tasks") != 0 ]] || return 0
  mint_token '{"contents": "read", "pull_requests": "read"}'
  find_unknown_heads
  while IFS= read -r found; do
    look_at_branch "$found"
  done < <(jq -c '.[]' "$SCRATCH/unknown")
}

# Stores in $SCRATCH/unknown the heads of tasks' pull requests that the ledger of the main workflow does not list as handled.
find_unknown_heads() {
  github_pages "/repos/$REPOSITORY/pulls?state=open" ||
    object=$REPOSITORY fail no-permission "GitHub App $GITHUB_APP_ID cannot read the pull requests of $REPOSITORY"
  jq --slurp --slurpfile tasks "$SCRATCH/its-tasks" --arg repository "$REPOSITORY" --arg prefix "$BRANCH_PREFIX" "$VOCABULARY"'
    [.[][] | select((.head.repo.full_name // "" | ascii_downcase) == ($repository | ascii_downcase))
      | .head | {ref, head: .sha, task: (.ref | task_of_branch($prefix))}
      | . as $found | $tasks[0][] | select(.task == $found.task) | select(.handled | index($found.head) | not)
      | {task, ref: $found.ref, head: $found.head, handled, pushed}]
    | unique' "$SCRATCH/pages" >"$SCRATCH/unknown"
}

# look_at_branch FOUND: notes Rex's last push to the branch as lost if it has no run. The push must be old enough to have been delivered,
# recent enough for its run to be kept, and later than the installation of this program. If somebody pushed on top of it, it counts as
# handled if QA was restarted on it or for it.
look_at_branch() {
  local task ref
  task=$(jq -r .task <<<"$1")
  ref=$(jq -r .ref <<<"$1")
  github GET "/repos/$REPOSITORY/activity?ref=$(uri "refs/heads/$ref")&per_page=100" ||
    object=$REPOSITORY fail no-permission "GitHub App $GITHUB_APP_ID cannot read the activity of $REPOSITORY"
  jq -c --argjson found "$1" --arg repository "$REPOSITORY" --arg pusher "${PUSHER,,}" --argjson now "$EPOCHSECONDS" \
    --argjson after "$AFTER_SECONDS" --argjson retention "$RETENTION_DAYS" --arg installed "$INSTALLED_AT" '
    . as $all | first(.[] | select(.actor.type == "Bot" and (.actor.login | ascii_downcase) == $pusher))
    | select(.activity_type != "branch_deletion") | (.timestamp | fromdateiso8601) as $at
    | select(.after == $found.head or (.after | IN($found.handled[], $found.pushed) | not))
    | select($at <= $now - $after)
    | select($at > $now - $retention * 86400 and $at > ($installed | sub("\\.[0-9]+"; "") | fromdateiso8601))
    | {task: $found.task, repository: $repository, before, after, pushedAt: $at} | . as {$before, $after}
    | .times = [$all[] | select(.before == $before and .after == $after) | .timestamp | fromdateiso8601]' "$ANSWER" >"$SCRATCH/push"
  [[ -s $SCRATCH/push ]] || return 0
  list_runs "$task"
  ! has_run || return 0
  jq --slurpfile push "$SCRATCH/push" '. + $push' "$SCRATCH/lost" >"$SCRATCH/lost.new"
  mv "$SCRATCH/lost.new" "$SCRATCH/lost"
}

# list_runs TASK: stores the names of the task's runs in $SCRATCH/runs. It leaves out runs that ended without an outcome: Argo refused
# them, or their exit handler was lost, so nothing says that the push was handled.
list_runs() {
  local selector
  : >"$SCRATCH/runs"
  for selector in "$OUTCOME_LABEL" "!$OUTCOME_LABEL,workflows.argoproj.io/phase notin (Error,Failed)"; do
    accept=$METADATA_LIST must_kube "list the runs of task $1" GET "$WORKFLOWS?labelSelector=$(uri "$RUN_TASK_LABEL=$1,$selector")"
    jq -r '.items // [] | .[].metadata.name' "$ANSWER" >>"$SCRATCH/runs"
  done
}

# Whether the push in $SCRATCH/push has a run, with any outcome. Runs are large, so it reads only those whose names have this head.
has_run() {
  local run begin
  begin=$(jq -r --arg name "$NAME" "$VOCABULARY"'run_name_begin($name)' "$SCRATCH/push")
  while IFS= read -r run; do
    kube GET "$WORKFLOWS/$run" || {
      (($? == NOT_FOUND)) || object="run $run" fail_refused "cannot read run $run"
      continue
    }
    jq -e --slurpfile push "$SCRATCH/push" "$VOCABULARY"'
      push_of | (.repository // "" | ascii_downcase) == $push[0].repository and is_of_push($push[0])' "$ANSWER" >/dev/null && return
  done < <(grep "^$begin" "$SCRATCH/runs")
  return 1
}

# Starts the missing runs, the oldest push first. The number per hour is limited, because many lost pushes at once are more likely an error
# of the sweep.
start_remediations() {
  local left number
  started=0
  number=$(jq length "$SCRATCH/lost")
  ((number > 0)) || return 0
  read_started
  left=$((MOST_AN_HOUR - $(jq length "$SCRATCH/started")))
  while IFS= read -r push; do
    ((started < left)) || {
      log "$((number - started)) more pushes have no run, but the limit is $MOST_AN_HOUR remediations an hour"
      return
    }
    start_remediation "$push"
  done < <(jq -c 'sort_by(.pushedAt)[]' "$SCRATCH/lost")
}

readonly MOST_AN_HOUR=10

# Stores the runs that a sweep started within the last hour in $SCRATCH/started. A label has the hour of the start, so this reads only
# a few runs.
read_started() {
  local hour=$((EPOCHSECONDS / 3600))
  accept=$METADATA_LIST must_kube "list what was started this hour" GET \
    "$WORKFLOWS?labelSelector=$(uri "$SWEPT_LABEL in ($hour,$((hour - 1)))")"
  jq --argjson now "$EPOCHSECONDS" '
    [.items // [] | .[] | select((.metadata.creationTimestamp | fromdateiso8601) > $now - 3600)]' "$ANSWER" >"$SCRATCH/started"
}

# start_remediation PUSH: creates the run that the Sensor would have created, except for the end of its name. If the push is delivered
# later, the Sensor creates another run, which finds nothing left to do.
start_remediation() {
  local status=0 run
  run=$(run_name "$1")
  jq --arg run "$run" --arg name "$NAME" --arg namespace "$NAMESPACE" --arg uid "$WORKFLOW_TEMPLATE_UID" \
    --arg instance "$ARGO_INSTANCE_ID" --arg swept "$SWEPT_LABEL" --arg hour "$((EPOCHSECONDS / 3600))" "$VOCABULARY"'
    . as $push | unfilled_run($name; $namespace; $uid; $instance) | filled_run($push)
    | .metadata.name = $run | .metadata.labels[$swept] = $hour' <<<"$1" >"$SCRATCH/run"
  kube POST "$WORKFLOWS" "$SCRATCH/run" || status=$?
  case $status in
    0)
      started=$((started + 1))
      log "started $run for a push of $(jq -r '.pushedAt | todate' <<<"$1") that had no run"
      ;;
    "$CONFLICT") must_have_begun "$run" ;;
    *) object="run $run" fail_refused "cannot create $run" ;;
  esac
}

# run_name PUSH
run_name() {
  local digest
  digest=$(jq -j --arg salt "$RUN_SALT" "$VOCABULARY"'run_digested($salt)' <<<"$1" | sha256sum)
  jq -r --arg name "$NAME" --arg digest "$digest" "$VOCABULARY"'swept_run_name($name; $digest)' <<<"$1"
}

# must_have_begun RUN: the run exists already. If an earlier sweep created it and it ended without an outcome, this reports that.
# Otherwise it was created a moment ago.
must_have_begun() {
  must_kube "read run $1" GET "$WORKFLOWS/$1"
  local reason
  if jq -e --arg outcome "$OUTCOME_LABEL" '
    (.status.phase | IN("Error", "Failed")) and .metadata.labels[$outcome] == null' "$ANSWER" >/dev/null; then
    reason=$(jq -r '.status.message // "without a reason"' "$ANSWER")
    troubles+=("a lost push: its run $1 ended without an outcome, too ($reason; once that is fixed: $ARGO resubmit $1)")
  else
    log "$1 exists already"
  fi
}

main
