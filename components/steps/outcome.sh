# shellcheck shell=bash
# How a run ended, as its label for programs and on the main workflow for people.

# Labels this run with its outcome.
label_run() {
  jq -n --arg key "$OUTCOME_LABEL" --arg outcome "$1" '{metadata: {labels: {($key): $outcome}}}' >"$SCRATCH/patch"
  accept=$METADATA kube PATCH "$WORKFLOWS/$RUN_NAME" "$SCRATCH/patch" "$MERGE_PATCH" ||
    fail_refused "cannot label run $RUN_NAME with its outcome"
}

# note_outcome NAME OUTCOME WORDS: on a main workflow, for people. A merge patch: these
# annotations are this program's own, and nothing hangs on their old values.
note_outcome() {
  jq -n --arg outcome "$2" --arg words "$3" "$VOCABULARY"'
    {metadata: {annotations: {(ledger_key("outcome")): $outcome, (ledger_key("message")): $words}}}' >"$SCRATCH/patch"
  accept=$METADATA kube PATCH "$WORKFLOWS/$1" "$SCRATCH/patch" "$MERGE_PATCH" ||
    log "could not note the outcome $2 on main workflow $1: $(last_error)"
}
