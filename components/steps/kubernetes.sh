# shellcheck shell=bash disable=SC2016,SC2034 # in jq's texts, $ is jq's; the steps use what is set here
# Calls of the API server, and the rule for what belongs to this task and repository.

# kube ARGUMENTS…: kubectl, its output in $ANSWER. Goes on trying until the step's
# deadline while the API server is away; a refusal is returned as one of NOT_FOUND,
# CONFLICT, INVALID, REFUSED. A 404 that names no object ("could not find the
# requested resource") is what a starting API server says of a kind that it does
# not serve yet: it must not pass for "gone". No --request-timeout: with it, kubectl
# forgets that it is in a pod.
kube() {
  local pause=1
  until bounded 15 kubectl "$@" >"$ANSWER" 2>"$SCRATCH/error" </dev/null; do
    case "$(<"$SCRATCH/error")" in
      *"could not find the requested resource"*) ;;
      *"(NotFound)"*) return "$NOT_FOUND" ;;
      *"(Conflict)"* | *"(AlreadyExists)"*) return "$CONFLICT" ;;
      *"(Invalid)"* | *" is invalid"*) return "$INVALID" ;;
      *"(Forbidden)"* | *"(Unauthorized)"* | *"(BadRequest)"*) return "$REFUSED" ;;
    esac
    last_trouble="the API server did not answer ($(last_error))"
    log "$last_trouble; again in $pause s"
    sleep "$pause"
    pause=$((pause < 4 ? pause * 2 : 4))
  done
}

# then_again VERB: the command that carries on this run.
then_again() {
  printf ', then: argo -n %s %s %s' "$NAMESPACE" "$1" "$RUN_NAME"
}

# must_kube WHAT ARGUMENTS…: as kube; any refusal ends the step.
must_kube() {
  local what=$1
  shift
  kube "$@" || fail "cannot $what: $(last_error)"
}

readonly WORKFLOWS="/apis/argoproj.io/v1alpha1/namespaces/$NAMESPACE/workflows"

# The one rule for what belongs to this repository: an object that names a
# repository must name this one; an object that names none is taken only where
# no other repository is configured. As text for jq, which has $repositories.
readonly OF_THIS_REPOSITORY='
  def of_this_repository($key): .metadata.labels[$key] as $named
    | if $named == null then ($repositories | length) == 1
      else ($named | ascii_downcase) == ($repositories[$repository | ascii_downcase] // "" | ascii_downcase) end;'

# with_repository JQ-ARGUMENTS…: jq that knows of_this_repository; its program comes first.
with_repository() {
  local program=$1
  shift
  jq --argjson repositories "$REPOSITORIES" --arg repository "$REPOSITORY" "$OF_THIS_REPOSITORY $program" "$@"
}

# Labels this run with its outcome.
label_run() {
  jq -n --arg key "$LEDGER/outcome" --arg outcome "$1" '{metadata: {labels: {($key): $outcome}}}' >"$SCRATCH/patch"
  kube patch "workflows.v1alpha1.argoproj.io/$RUN_NAME" --namespace "$NAMESPACE" --type merge --patch-file "$SCRATCH/patch" --output name ||
    fail "cannot label run $RUN_NAME with its outcome: $(last_error)"
}
