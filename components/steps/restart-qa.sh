# shellcheck shell=bash
# restart-qa: resets the main workflow's stage and opens its waiting gate as `argo resume` does. One guarded patch changes stage, gate
# and ledger, so that nobody sees one without the others. If no gate waits yet, the stage is reset first. Only the patch that opens the
# gate writes `resumed`, because QA does not begin again before that.
# https://argo-workflows.readthedocs.io/en/latest/walk-through/suspending/
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/coderuns.sh
source "${BASH_SOURCE%/*}/coderuns.sh"
# shellcheck source=components/steps/main-workflow.sh
source "${BASH_SOURCE%/*}/main-workflow.sh"

GATES=$(<"${BASH_SOURCE%/*}/gates.jq")
RESUME=$(<"${BASH_SOURCE%/*}/resume.jq")

main() {
  local name
  woken=""
  only_when_planned
  until is_resumed; do
    plan_again_if_agents_came
    if one_gate_waits; then
      write_resume
    else
      reset_stage
      await_gate
    fi
  done
  name=$(jq -r .metadata.name "$SCRATCH/workflow")
  object="main workflow $name" finish "resumed $name at stage $MAIN_RESET_STAGE (it was $(jq -r '.workflow.stage // "unset"' "$PLAN"))"
}

is_resumed() {
  read_main_workflow
  ledger_says true && return
  must_be_unfinished
  must_be_ours
  return 1
}

# Whether exactly one gate waits. Stores the waiting gates in $SCRATCH/gates.
one_gate_waits() {
  jq "$GATES"'gates' "$SCRATCH/workflow" >"$SCRATCH/gates"
  [[ $(jq length "$SCRATCH/gates") == 1 ]]
}

# Resets the stage while the gate cannot be opened yet. So anybody who reads the label, or opens the gate by hand, begins at the right
# stage. The main workflow may still overwrite it once, with its next stage. The patch that opens the gate resets it again.
reset_stage() {
  until stage_is_reset; do
    jq -e '.spec.suspend != true' "$SCRATCH/workflow" >/dev/null || woken=", and it is no longer suspended"
    jq "$RESUME as_read + stage(\$config.main.resetStage) + wake" "$SCRATCH/workflow" >"$SCRATCH/patch"
    write_main_workflow "stage $MAIN_RESET_STAGE"
    read_main_workflow
    must_be_unfinished
    must_be_ours
  done
}

stage_is_reset() {
  jq -e --arg key "$MAIN_STAGE_LABEL" --arg stage "$MAIN_RESET_STAGE" '.metadata.labels[$key] == $stage and .spec.suspend != true' \
    "$SCRATCH/workflow" >/dev/null
}

# The gate waits once the node of the cancelled agent has ended. Argo notices that within 15 s. If several gates wait, nobody knows which
# is the right one.
await_gate() {
  local limit=$((SECONDS + GATE_TIMEOUT_SECONDS))
  until one_gate_waits; do
    (($(jq length "$SCRATCH/gates") < 2)) || too_many_gates
    ((SECONDS < limit)) || no_gate
    sleep 0.5
    read_main_workflow
    must_be_unfinished
  done
}

too_many_gates() {
  local name
  name=$(jq -r .metadata.name "$SCRATCH/workflow")
  object="main workflow $name" fail several-gates \
    "main workflow $name waits at more than one gate: $(jq -r '[.[].displayName] | join(", ")' "$SCRATCH/gates");" \
    "open the right one ($ARGO resume $name --node-field-selector displayName=…): its stage is already reset$woken"
}

no_gate() {
  local name running
  name=$(jq -r .metadata.name "$SCRATCH/workflow")
  plan_again_if_agents_came
  running=$(jq -r "$GATES"'[(.status.nodes // {} | .[] | select(.type == "Pod" and (.phase | IN("Running", "Pending"))) | .displayName),
    (waiting | select(.pauses) | "\(.node.displayName) (a pause)")] | join(", ")' "$SCRATCH/workflow")
  object="main workflow $name" passes=true fail no-gate "main workflow $name has no waiting gate after $GATE_TIMEOUT_SECONDS" \
    "s${running:+; still at work: $running}; its stage is already reset to $MAIN_RESET_STAGE$woken:" \
    "once a gate waits, $ARGO retry $RUN_NAME"
}

wants_a_value() {
  reset_stage
  object="main workflow $(jq -r .metadata.name "$SCRATCH/workflow")" fail gate-wants-value \
    "gate $(jq -r '.[0].displayName' "$SCRATCH/gates") needs a value from a person (a supplied output without default):" \
    "$(value_commands), then: $ARGO retry $RUN_NAME; with a default value the gate would not wait for a person"
}

# Argo has no other command that gives a value to a waiting gate.
value_commands() {
  jq -r --arg command "$ARGO node set $(jq -r .metadata.name "$SCRATCH/workflow")" '
    .[0] | .displayName as $gate | [.outputs.parameters[] | select(.valueFrom.supplied != null and .valueFrom.default == null)
      | "\($command) --output-parameter \(.name)=VALUE --node-field-selector displayName=\($gate)"] | join("; ")' "$SCRATCH/gates"
}

write_resume() {
  jq -e 'all(.[]; all(.outputs.parameters // [] | .[]; .valueFrom.supplied == null or .valueFrom.default != null))' \
    "$SCRATCH/gates" >/dev/null ||
    wants_a_value
  jq --slurpfile gates "$SCRATCH/gates" "$RESUME resumed(\$gates[0])" "$SCRATCH/workflow" >"$SCRATCH/patch"
  write_main_workflow "stage, gate and ledger"
}

main
