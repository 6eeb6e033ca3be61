# shellcheck shell=bash disable=SC2016,SC2034,SC2153 # in jq's texts, $ is jq's; the steps use what is set here; NAME is no misspelling
# The task's main workflow: found, read, and written in guarded patches only.

# list_main_workflows MORE: the task's main workflows that the selector MORE leaves, of
# this repository, as an array in $SCRATCH/main-workflows.
list_main_workflows() {
  must_kube "list the main workflows" GET \
    "$WORKFLOWS?labelSelector=$(uri "$MAIN_WORKFLOW_TYPE_LABEL=$MAIN_WORKFLOW_TYPE,$MAIN_WORKFLOW_TASK_LABEL=$TASK$1")"
  with_repository '[.items[] | select(of_this_repository($key))]' \
    --arg key "$MAIN_WORKFLOW_REPOSITORY_LABEL" "$ANSWER" >"$SCRATCH/main-workflows"
}

# What was told to stop, or is over but for exit handler and hooks, begins no round any more,
# though Argo calls it Running: a gate that waits there is none of ours.
readonly HAS_ENDED='
  def how_it_ended: .metadata.name as $name
    | if .status.phase // "" | IN("Succeeded", "Failed", "Error") then "ended (\(.status.phase))"
      elif (.spec.shutdown // "") != "" then "was told to end (spec.shutdown: \(.spec.shutdown))"
      elif any(.status.nodes // {} | .[]; (.name // "" | startswith("\($name).onExit"))
        or (.name == $name and (.phase | IN("Succeeded", "Failed", "Error", "Skipped", "Omitted")))) then "came to its exit handler"
      else null end;
  def has_ended: how_it_ended != null;'

# Argo sets the label `completed` a moment after the phase.
find_main_workflows() {
  list_main_workflows ",workflows.argoproj.io/completed!=true"
  jq "$HAS_ENDED map(select(has_ended | not))" "$SCRATCH/main-workflows" >"$SCRATCH/unfinished"
  mv "$SCRATCH/unfinished" "$SCRATCH/main-workflows"
}

# Leaves the planned main workflow, as it is now, in $SCRATCH/workflow.
read_main_workflow() {
  local name
  name=$(jq -r .workflow.name "$PLAN")
  kube GET "$WORKFLOWS/$name" || {
    (($? == NOT_FOUND)) && fail "main workflow $name is gone; $(start_anew)"
    fail "cannot read main workflow $name: $(last_error)"
  }
  cp "$ANSWER" "$SCRATCH/workflow"
  jq -e --slurpfile plan "$PLAN" '.metadata.uid == $plan[0].workflow.uid' "$SCRATCH/workflow" >/dev/null ||
    plan_again "main workflow $name was replaced by another of the same name"
}

must_be_unfinished() {
  jq -e "$HAS_ENDED has_ended | not" "$SCRATCH/workflow" >/dev/null ||
    fail "main workflow $(jq -r "$HAS_ENDED"'"\(.metadata.name) \(how_it_ended)"' "$SCRATCH/workflow") before it could be resumed; $(start_anew)"
}

start_anew() {
  printf 'start a new main workflow for task %s: it begins on the present head' "$TASK"
}

# The command that begins anew, for the present head.
anew() {
  printf '%s submit --from workflowtemplate/%s --generate-name %s-%s- -p task=%s -p repository=%s' \
    "$ARGO" "$NAME" "$NAME" "$TASK" "$TASK" "$REPOSITORY"
}

# ledger_says RESUMED: whether the ledger's entry is this run's, and resumed or not.
ledger_says() {
  jq -e --slurpfile plan "$PLAN" --arg ledger "$LEDGER" --arg resumed "$1" '
    .metadata.annotations // {}
    | .["\($ledger)/run"] == $plan[0].run and .["\($ledger)/pushed"] == $plan[0].after and .["\($ledger)/resumed"] == $resumed' \
    "$SCRATCH/workflow" >/dev/null
}

# Runs of one task go one after the other. If another's entry stands in the ledger all
# the same, somebody else is at work on this main workflow.
must_be_ours() {
  ledger_says false || plan_again "another run took over main workflow $(jq -r .metadata.name "$SCRATCH/workflow")"
}

# write_main_workflow WHAT: applies the JSON patch in $SCRATCH/patch to the main
# workflow that was read last. If that changed meanwhile, nothing is written and the
# caller, which reads it back in any case, reads it again.
write_main_workflow() {
  local what=$1 name status=0
  name=$(jq -r .metadata.name "$SCRATCH/workflow")
  accept=$METADATA kube PATCH "$WORKFLOWS/$name" "$SCRATCH/patch" "$JSON_PATCH" || status=$?
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
  accept=$METADATA kube PATCH "$WORKFLOWS/$1" "$SCRATCH/patch" "$MERGE_PATCH" ||
    log "could not note the outcome $2 on main workflow $1: $(last_error)"
}

# The head of each JSON patch on a main workflow: it is the planned one, and its
# stage and ledger are still those that were read. As text for jq, which reads the
# workflow that was read last and has $stage_label and $ledger.
readonly GUARDED_PATCH='
  def pointer: gsub("~"; "~0") | gsub("/"; "~1");
  def label_path($key): "/metadata/labels/" + ($key | pointer);
  def annotation_path($key): "/metadata/annotations/" + ("\($ledger)/\($key)" | pointer);
  def annotation($key): .metadata.annotations["\($ledger)/\($key)"];
  def as_read: [{op: "test", path: "/metadata/uid", value: .metadata.uid}]
    + [(.metadata.labels[$stage_label] // empty) | {op: "test", path: label_path($stage_label), value: .}]
    + [("pushed-at", "run") as $key | annotation($key) // empty | {op: "test", path: annotation_path($key), value: .}]
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
