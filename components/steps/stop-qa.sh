# shellcheck shell=bash
# stop-qa: deletes the planned CodeRuns by UID, unless one owns a CodeRun that may not be cancelled. While they end, it takes the ready
# label off the task's open pull requests. Then it waits until the CodeRuns are gone, and checks whether one of them has put the label
# back. It deletes in the foreground: then a CodeRun exists until its pods have ended, so none of them is running once it is gone.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/kubernetes.sh
source "${BASH_SOURCE%/*}/kubernetes.sh"
# shellcheck source=components/steps/coderuns.sh
source "${BASH_SOURCE%/*}/coderuns.sh"
# shellcheck source=components/steps/github.sh
source "${BASH_SOURCE%/*}/github.sh"
# shellcheck source=components/steps/ready-label.sh
source "${BASH_SOURCE%/*}/ready-label.sh"

main() {
  local limit
  only_when_planned
  delete_coderuns
  limit=$((SECONDS + CANCEL_TIMEOUT_SECONDS))
  remove_labels
  await_deletion "$limit"
  check_labels
  finish "$(cancelled), $(labels_off)"
}

delete_coderuns() {
  local name uid
  while IFS=$'\t' read -r name uid; do
    delete_coderun "$name" "$uid"
  done < <(jq -r '.targets[] | [.name, .uid] | @tsv' "$PLAN")
}

delete_coderun() {
  local name=$1 uid=$2 status=0
  jq -n --arg uid "$uid" '{apiVersion: "v1", kind: "DeleteOptions", preconditions: {uid: $uid}, propagationPolicy: "Foreground"}' \
    >"$SCRATCH/options"
  stop_if_others_owned "$name was not cancelled;"
  kube DELETE "$CODERUNS/$name" "$SCRATCH/options" || status=$?
  case $status in
    0) log "asked Kubernetes to delete $name" ;;
    "$NOT_FOUND") log "$name is gone already" ;;
    # The planned CodeRun is gone. Another one has its name now, which nobody planned to cancel.
    "$CONFLICT") log "$name is not the planned one, but a new one of the same name: left alone" ;;
    *) object="$CODE_RUN_RESOURCE $name" fail_refused "cannot delete $CODE_RUN_RESOURCE $name" ;;
  esac
}

remove_labels() {
  local number numbers
  mapfile -t numbers < <(jq -r '.pulls[] | select(.ready) | .number' "$PLAN")
  for number in "${numbers[@]}"; do
    remove_ready_label "$number"
  done
}

await_deletion() {
  local limit=$1
  [[ $(jq '.targets | length' "$PLAN") != 0 ]] || return 0
  while :; do
    list_task_coderuns
    jq --slurpfile plan "$PLAN" '[.items[] | select(.metadata.uid | IN($plan[0].targets[].uid))]' "$ANSWER" >"$SCRATCH/remaining"
    [[ $(jq length "$SCRATCH/remaining") == 0 ]] && break
    ((SECONDS < limit)) || still_there
    sleep 0.5
  done
}

still_there() {
  local who name
  who=$(jq -r '
    [.[].metadata | "\(.name) (being deleted since \(.deletionTimestamp // "never"), finalizers \(.finalizers // [] | join(", ")))"]
    | join("; ")' "$SCRATCH/remaining")
  name=$(jq -r '.[0].metadata.name' "$SCRATCH/remaining")
  object="$CODE_RUN_RESOURCE $name" passes=true fail still-there \
    "$who is still there after $CANCEL_TIMEOUT_SECONDS s: its controller is down, or one of its pods does not end; see:" \
    "kubectl -n $NAMESPACE get $CODE_RUN_RESOURCE.$CODE_RUN_GROUP $name -o yaml; once it is gone: $ARGO retry $RUN_NAME"
}

check_labels() {
  local number numbers
  mapfile -t numbers < <(jq -r '.pulls[].number' "$PLAN")
  for number in "${numbers[@]}"; do
    github GET "/repos/$REPOSITORY/issues/$number/labels?per_page=100" ||
      object="pull request #$number" fail refused-by-github "cannot read the labels of pull request #$number: $(github_words 404)"
    if answer_has_ready_label; then
      log "$PULL_READY_LABEL is back on pull request #$number"
      remove_ready_label "$number"
    fi
  done
}

cancelled() {
  jq -r 'if .targets == [] then "no agent was at work" else "cancelled " + ([.targets[].name] | join(", ")) end' "$PLAN"
}

labels_off() {
  jq -r --arg ready "$PULL_READY_LABEL" '[.pulls[] | select(.ready) | "#\(.number)"]
    | if . == [] then "no pull request had the label \($ready)" else "took \($ready) off \(join(" "))" end' "$PLAN"
}

main
