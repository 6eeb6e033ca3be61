# shellcheck shell=bash
# The versions of the embedded node's parts. modules/*/go.mod and go.sum pin the Go modules again, with all dependencies. The versions
# here are linked into the binaries and used in image names. Sourced, never run.
# shellcheck disable=SC2034 # used where this is sourced

readonly KUBERNETES_VERSION=v1.34.3
readonly ARGO_EVENTS_VERSION=v1.9.11
readonly ARGO_WORKFLOWS_VERSION=v3.7.4
readonly PULUMI_VERSION=v3.259.0
# The newest `go` line among the modules (that of argo-events).
readonly GO_MIN=1.26.0
# The Debian release of the steps image. Its jq starts in 3 ms. The jq of the previous release (1.6) needs 17 ms, and a run starts it
# about a hundred times.
readonly DEBIAN_SUITE=trixie
readonly STEPS_PACKAGES=bash,ca-certificates,coreutils,curl,jq,openssl
# The images have upstream's own names, so that specs look as users write them.
readonly ARGO_EVENTS_IMAGE=quay.io/argoproj/argo-events:$ARGO_EVENTS_VERSION
readonly ARGOEXEC_IMAGE=quay.io/argoproj/argoexec:$ARGO_WORKFLOWS_VERSION
readonly PAUSE_IMAGE=localhost/rex-remediation/pause:1
# The tag is the recipe's hash (see steps_image).
readonly STEPS_IMAGE_NAME=localhost/rex-remediation/steps
