# shellcheck shell=bash
# Writes how a run ended: as a label of the run, for programs, and on the main workflow, for people.

# Labels this run with its outcome.
label_run() {
  jq -n --arg key "$OUTCOME_LABEL" --arg outcome "$1" '{metadata: {labels: {($key): $outcome}}}' >"$SCRATCH/patch"
  accept=$METADATA kube PATCH "$WORKFLOWS/$RUN_NAME" "$SCRATCH/patch" "$MERGE_PATCH" ||
    fail_refused "cannot label run $RUN_NAME with its outcome"
}

# note_outcome NAME OUTCOME WORDS: writes the outcome on a main workflow. A merge patch is enough: only this program writes these
# annotations, and their old values do not matter.
note_outcome() {
  jq -n --arg outcome "$2" --arg words "$3" "$VOCABULARY"'
    {metadata: {annotations: {(ledger_key("outcome")): $outcome, (ledger_key("message")): $words}}}' >"$SCRATCH/patch"
  accept=$METADATA kube PATCH "$WORKFLOWS/$1" "$SCRATCH/patch" "$MERGE_PATCH" ||
    log "could not write the outcome $2 on main workflow $1: $(last_error)"
}
