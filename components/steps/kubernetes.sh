# shellcheck shell=bash disable=SC2034 # the steps use what is set here
# Calls to the API server.

# The kubelet stores the account's token and the API server's certificate here.
readonly SERVICE_ACCOUNT="${SERVICE_ACCOUNT:-/var/run/secrets/kubernetes.io/serviceaccount}"

# Formats of an answer with metadata only, because a Workflow has several hundred kilobytes. In an empty list of the second format,
# `items` is null.
readonly METADATA='application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
readonly METADATA_LIST='application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
accept=application/json

# kube METHOD PATH [BODY-FILE [CONTENT-TYPE]]: calls the API server and stores the answer, in the format $accept, in $ANSWER. While
# the API server does not answer, it tries again until the step's deadline. If the API server refuses, it returns NOT_FOUND,
# CONFLICT, INVALID or REFUSED. It uses curl, because kubectl takes five times as long and first asks the API server for all
# resources that it serves. It ignores the image's proxy, which is meant for calls out of the cluster.
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

# Reads the token for each call, because the kubelet renews it. It is not passed as an argument, because every process on the node
# could read that.
kube_once() {
  refusal='' refused_by=''
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

# Reads a refusal. If the API server itself answered, with a Status, $refusal is the status and the reason. $SCRATCH/error has the
# text for people. An API server that is starting answers 404 for a kind that it does not serve yet. This answer names no object, and must
# not look like a missing object. $refused_by is "policy" if a ValidatingAdmissionPolicy refused: only then does the Status
# have a cause that begins with the policy's name.
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
read_refusal() {
  local status lines=()
  status=$(<"$SCRATCH/status")
  jq -r 'select(.kind == "Status")
    | if .reason == "NotFound" and (.details.name // "") == "" then "NotServed" else .reason // "Unknown" end,
      (if any(.details.causes // [] | .[]; .message // "" | startswith("ValidatingAdmissionPolicy \u0027")) then "policy" else "" end),
      .message' \
    "$ANSWER" >"$SCRATCH/refusal" 2>/dev/null || :
  mapfile -t lines <"$SCRATCH/refusal"
  [[ -z ${lines[0]:-} ]] || refusal="$status ${lines[0]}"
  refused_by=${lines[1]:-}
  printf 'status %s%s' "${refusal:-$status}" "${lines[2]:+: ${lines[*]:2}}" >"$SCRATCH/error"
}

# must_kube WHAT METHOD PATH…: calls kube, and ends the step if the API server refuses.
must_kube() {
  local what=$1
  shift
  kube "$@" || fail_refused "cannot $what"
}

# fail_refused WORDS: ends the step because the API server refused the last call. If a policy refused, the configuration has changed
# since the run began. A retried run would keep the old one and would be refused again, so the run has to be resubmitted.
fail_refused() {
  local cause=refused-by-api-server command=retry
  [[ $refused_by != policy ]] || cause=refused-by-policy command=resubmit
  fail "$cause" "$1: $(last_error)"
}

# then_run VERB: the end of a message, with the command that continues this run.
then_run() {
  printf ', then: %s %s %s' "$ARGO" "$1" "$RUN_NAME"
}

readonly MERGE_PATCH=application/merge-patch+json JSON_PATCH=application/json-patch+json
readonly WORKFLOWS="/apis/argoproj.io/v1alpha1/namespaces/$NAMESPACE/workflows"
