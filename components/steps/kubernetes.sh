# shellcheck shell=bash disable=SC2034 # the steps use what is set here
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
    case $refusal in
      '404 NotFound') return "$NOT_FOUND" ;;
      '409 Conflict' | '409 AlreadyExists') return "$CONFLICT" ;;
      '422 Invalid') return "$INVALID" ;;
      '400 BadRequest' | '401 Unauthorized' | '403 Forbidden') return "$REFUSED" ;;
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
  refusal=''
  : >"$ANSWER"
  bounded 17 curl "${arguments[@]}" --config <(printf 'header = "Authorization: Bearer %s"\n' "$(<"$SERVICE_ACCOUNT/token")") \
    "$(api_server)$path" >"$SCRATCH/status" 2>"$SCRATCH/error" || return
  [[ $(<"$SCRATCH/status") != 2* ]] || return 0
  read_refusal
  return 1
}

api_server() {
  local host=$KUBERNETES_SERVICE_HOST
  [[ $host != *:* ]] || host="[$host]"
  printf 'https://%s:%s' "$host" "$KUBERNETES_SERVICE_PORT"
}

# Leaves what was answered in $refusal, as status and reason, if the API server itself says so with a
# Status, and for people in $SCRATCH/error. A 404 that names no object is what a starting API
# server says of a kind that it does not serve yet: it must not pass for "gone".
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
read_refusal() {
  local status lines=()
  status=$(<"$SCRATCH/status")
  jq -r 'select(.kind == "Status")
    | if .reason == "NotFound" and (.details.name // "") == "" then "NotServed" else .reason // "Unknown" end, .message' \
    "$ANSWER" >"$SCRATCH/refusal" 2>/dev/null || :
  mapfile -t lines <"$SCRATCH/refusal"
  [[ -z ${lines[0]:-} ]] || refusal="$status ${lines[0]}"
  printf 'status %s%s' "${refusal:-$status}" "${lines[1]:+: ${lines[*]:1}}" >"$SCRATCH/error"
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
