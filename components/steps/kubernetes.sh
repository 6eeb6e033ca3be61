# shellcheck shell=bash disable=SC2016,SC2034 # in jq's texts, $ is jq's; the steps use what is set here
# Calls of the API server, and the rule for what belongs to this task and repository.

# Where the kubelet puts the account's token and the API server's certificate.
readonly SERVICE_ACCOUNT="${SERVICE_ACCOUNT:-/var/run/secrets/kubernetes.io/serviceaccount}"

# Forms of an answer. A Workflow has some hundred kilobytes, which not everybody wants to
# read. An empty list of the second form has null for items.
readonly METADATA='application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
readonly METADATA_LIST='application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
accept=application/json

# kube METHOD PATH [BODY-FILE [CONTENT-TYPE]]: the answer, of the form $accept, is in $ANSWER. Goes on trying
# until the step's deadline while the API server is away; a refusal is returned as one of
# NOT_FOUND, CONFLICT, INVALID, REFUSED. By curl: kubectl costs five times the time, and asks
# the API server first for all that it serves.
# A proxy that the image is set up with is for the way out of the cluster.
# https://kubernetes.io/docs/reference/using-api/api-concepts/
kube() {
  local method=$1 path=$2 body=${3:-} type=${4:-application/json} pause=1
  local arguments=(--disable --silent --show-error --globoff --noproxy '*' --request "$method" --max-time 15 --user-agent rex-remediation
    --cacert "$SERVICE_ACCOUNT/ca.crt" --header "Accept: $accept" --output "$ANSWER" --write-out '%{http_code}')
  [[ -z $body ]] || arguments+=(--header "Content-Type: $type" --data-binary "@$body")
  until kube_once; do
    case "$(<"$SCRATCH/error")" in
      "Error from server (NotFound)"*) return "$NOT_FOUND" ;;
      "Error from server (Conflict)"* | "Error from server (AlreadyExists)"*) return "$CONFLICT" ;;
      "Error from server (Invalid)"*) return "$INVALID" ;;
      "Error from server (Forbidden)"* | "Error from server (Unauthorized)"* | "Error from server (BadRequest)"*) return "$REFUSED" ;;
    esac
    last_trouble="the API server did not answer ($(last_error))"
    log "$last_trouble; again in $pause s"
    sleep "$pause"
    pause=$((pause < 4 ? pause * 2 : 4))
  done
}

# The token is read anew, because the kubelet renews it, and handed over in no argument, which
# every process of the node could read.
kube_once() {
  : >"$ANSWER"
  bounded 17 curl "${arguments[@]}" --config <(printf 'header = "Authorization: Bearer %s"\n' "$(<"$SERVICE_ACCOUNT/token")") \
    "$(api_server)$path" >"$SCRATCH/status" 2>"$SCRATCH/error" || return
  [[ $(<"$SCRATCH/status") != 2* ]] || return 0
  api_words >"$SCRATCH/error"
  return 1
}

api_server() {
  local host=$KUBERNETES_SERVICE_HOST
  [[ $host != *:* ]] || host="[$host]"
  printf 'https://%s:%s' "$host" "$KUBERNETES_SERVICE_PORT"
}

# The API server's words, as kubectl says them. A 404 that names no object is what a
# starting API server says of a kind that it does not serve yet: it must not pass for "gone".
api_words() {
  jq -er 'select(.kind == "Status")
    | "Error from server (\(if .reason == "NotFound" and (.details.name // "") == "" then "not served" else .reason end)): \(.message)"' \
    "$ANSWER" 2>/dev/null || printf 'status %s' "$(<"$SCRATCH/status")"
}

# must_kube WHAT METHOD PATH…: as kube; any refusal ends the step.
must_kube() {
  local what=$1
  shift
  kube "$@" || fail "cannot $what: $(last_error)"
}

# then_again VERB: the command that carries on this run.
then_again() {
  printf ', then: %s %s %s' "$ARGO" "$1" "$RUN_NAME"
}

readonly MERGE_PATCH=application/merge-patch+json JSON_PATCH=application/json-patch+json
readonly WORKFLOWS="/apis/argoproj.io/v1alpha1/namespaces/$NAMESPACE/workflows"

# The rule for what belongs to this repository, as text for jq, which has $repositories.
readonly OF_THIS_REPOSITORY="$VOCABULARY"'
  def of_this_repository($key): is_of_repository($repositories; $repository; $key);'

# with_repository JQ-ARGUMENTS…: jq that knows of_this_repository; its program comes first.
with_repository() {
  local program=$1
  shift
  jq --argjson repositories "$REPOSITORIES" --arg repository "$REPOSITORY" "$OF_THIS_REPOSITORY $program" "$@"
}

# Labels this run with its outcome.
label_run() {
  jq -n --arg key "$LEDGER/outcome" --arg outcome "$1" '{metadata: {labels: {($key): $outcome}}}' >"$SCRATCH/patch"
  accept=$METADATA kube PATCH "$WORKFLOWS/$RUN_NAME" "$SCRATCH/patch" "$MERGE_PATCH" ||
    fail "cannot label run $RUN_NAME with its outcome: $(last_error)"
}
