# shellcheck shell=bash
# What the embedded node is made of. Go modules are pinned a second time, with everything they need, by modules/*/go.mod
# and go.sum; the versions here are what gets linked into the binaries and into image names. Sourced, never run.
# shellcheck disable=SC2034 # used where this is sourced

readonly KUBERNETES_VERSION=v1.34.3
readonly ARGO_EVENTS_VERSION=v1.9.11
readonly ARGO_WORKFLOWS_VERSION=v3.7.4
readonly PULUMI_VERSION=v3.259.0
# The newest `go` line among the modules (that of argo-events).
readonly GO_MIN=1.26.0
# The Debian release whose packages make the steps image. Its jq starts in 3 ms; the one of the release before (1.6) needs 17, a hundred times a run.
readonly DEBIAN_SUITE=trixie
readonly STEPS_PACKAGES=bash,ca-certificates,coreutils,curl,jq,openssl
# Names in the images' default registries are upstream's own, so that specs can stay as users write them.
readonly ARGO_EVENTS_IMAGE=quay.io/argoproj/argo-events:$ARGO_EVENTS_VERSION
readonly ARGOEXEC_IMAGE=quay.io/argoproj/argoexec:$ARGO_WORKFLOWS_VERSION
readonly PAUSE_IMAGE=localhost/rex-remediation/pause:1
# Its tag is the recipe's hash.
readonly STEPS_IMAGE_NAME=localhost/rex-remediation/steps
