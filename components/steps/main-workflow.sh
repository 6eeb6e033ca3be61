# shellcheck shell=bash disable=SC2034,SC2153 # the steps use what is set here; NAME is no misspelling
# Finds, reads and writes the task's main workflow. It is written only with guarded patches.

ABOUT_MAIN_WORKFLOW=$(<"${BASH_SOURCE%/*}/main-workflow.jq")

# list_main_workflows MORE: lists the task's main workflows of all repositories. MORE is added to the label selector.
list_main_workflows() {
  must_kube "list the main workflows" GET \
    "$WORKFLOWS?labelSelector=$(uri "$MAIN_TYPE_LABEL=$MAIN_TYPE,$MAIN_TASK_LABEL=$TASK$1")"
}

# Reads the planned main workflow as it is now into $SCRATCH/workflow.
read_main_workflow() {
  local name
  name=$(jq -r .workflow.name "$PLAN")
  kube GET "$WORKFLOWS/$name" || {
    (($? == NOT_FOUND)) && object="main workflow $name" fail gone "main workflow $name is gone; $(new_main_workflow_words)"
    object="main workflow $name" fail_refused "cannot read main workflow $name"
  }
  cp "$ANSWER" "$SCRATCH/workflow"
  jq -e --slurpfile plan "$PLAN" '.metadata.uid == $plan[0].workflow.uid' "$SCRATCH/workflow" >/dev/null ||
    plan_again "main workflow $name was replaced by another of the same name"
}

must_be_unfinished() {
  local how
  how=$(jq -r "$ABOUT_MAIN_WORKFLOW"'select(has_ended) | "\(.metadata.name) \(how_it_ended)"' "$SCRATCH/workflow")
  [[ -z $how ]] || fail_ended "$how"
}

# fail_ended WHICH-AND-HOW
fail_ended() {
  object="main workflow ${1%% *}" fail ended "main workflow $1 before it could be resumed; $(new_main_workflow_words)"
}

new_main_workflow_words() {
  printf 'start a new main workflow for task %s: it begins on the current head' "$TASK"
}

# ledger_says RESUMED: whether the ledger's entry belongs to this run and has this value of `resumed`.
ledger_says() {
  jq -e --slurpfile plan "$PLAN" --arg resumed "$1" "$VOCABULARY"'
    ledger_of | .run == $plan[0].run and .pushed == $plan[0].after and .resumed == $resumed' \
    "$SCRATCH/workflow" >/dev/null
}

# Only one run of a task works at a time. If the ledger has another run's entry anyway, somebody else is working on this main workflow.
must_be_ours() {
  ledger_says false || plan_again "another run took over main workflow $(jq -r .metadata.name "$SCRATCH/workflow")"
}

# write_main_workflow WHAT: applies the JSON patch in $SCRATCH/patch to the main workflow that was read last. If the main workflow has
# changed since, this writes nothing. The caller always reads the main workflow again afterwards.
write_main_workflow() {
  local what=$1 name status=0
  name=$(jq -r .metadata.name "$SCRATCH/workflow")
  accept=$METADATA kube PATCH "$WORKFLOWS/$name" "$SCRATCH/patch" "$JSON_PATCH" || status=$?
  case $status in
    0) log "wrote $what of $name" ;;
    "$INVALID" | "$CONFLICT") log "$name changed meanwhile ($(last_error)); reading it again" ;;
    *) object="main workflow $name" fail_refused "cannot write $what of main workflow $name" ;;
  esac
}
