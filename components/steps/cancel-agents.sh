# shellcheck shell=bash disable=SC2016 # in jq's texts, $ is jq's
# cancel-agents: deletes the planned CodeRuns, each by its UID, and proves that they
# are gone. Foreground deletion: a CodeRun stays until its pods have ended, so gone
# means that nothing of it runs any more.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/coderuns.sh
source "${BASH_SOURCE%/*}/coderuns.sh"

main() {
  only_when_planned
  [[ $(jq '.targets | length' "$PLAN") != 0 ]] || {
    finish "no agent was at work"
    exit 0
  }
  while IFS=$'\t' read -r name uid; do
    delete_coderun "$name" "$uid"
  done < <(jq -r '.targets[] | [.name, .uid] | @tsv' "$PLAN")
  prove_gone
}

delete_coderun() {
  local name=$1 uid=$2 status=0
  jq -n --arg uid "$uid" '{apiVersion: "v1", kind: "DeleteOptions", preconditions: {uid: $uid}, propagationPolicy: "Foreground"}' \
    >"$SCRATCH/options"
  kube DELETE "$CODERUNS/$name" "$SCRATCH/options" || status=$?
  case $status in
    0) log "asked for the end of $name" ;;
    "$NOT_FOUND") log "$name is gone already" ;;
    # The planned run is gone; the name belongs to another now, which nobody planned to cancel.
    "$CONFLICT") log "$name is another run than the planned one: left alone" ;;
    *) fail "cannot delete $CODERUN_RESOURCE $name: $(last_error)" ;;
  esac
}

prove_gone() {
  local limit=$((SECONDS + CANCEL_SECONDS))
  while :; do
    list_task_coderuns
    jq --slurpfile plan "$PLAN" '[.items[] | select(.metadata.uid | IN($plan[0].targets[].uid))]' "$ANSWER" >"$SCRATCH/remaining"
    [[ $(jq length "$SCRATCH/remaining") == 0 ]] && break
    ((SECONDS < limit)) || still_there
    sleep 0.5
  done
  finish "cancelled $(jq -r '[.targets[].name] | join(", ")' "$PLAN")"
}

still_there() {
  local who name
  who=$(jq -r '[.[] | .metadata | "\(.name) (being deleted since \(.deletionTimestamp // "never"), finalizers \(.finalizers // [] | join(", ")))"] | join("; ")' "$SCRATCH/remaining")
  name=$(jq -r '.[0].metadata.name' "$SCRATCH/remaining")
  fail "after $CANCEL_SECONDS s there is still $who: its controller or a pod does not end; see: kubectl -n $NAMESPACE get $CODERUN_RESOURCE.$CODERUN_GROUP $name -o yaml; once it is gone: argo -n $NAMESPACE retry $RUN_NAME"
}

main
