# shellcheck shell=bash
# Loads all parts of the embedded node's scripts in the order of their dependencies. Sourced after lib.sh, never run.

# shellcheck source=dev/cluster/versions.sh
source "$ROOT/dev/cluster/versions.sh"
# shellcheck source=dev/cluster/node.sh
source "$ROOT/dev/cluster/node.sh"
# shellcheck source=dev/cluster/cgroups.sh
source "$ROOT/dev/cluster/cgroups.sh"
# shellcheck source=dev/cluster/preflight.sh
source "$ROOT/dev/cluster/preflight.sh"
# shellcheck source=dev/cluster/images.sh
source "$ROOT/dev/cluster/images.sh"
# shellcheck source=dev/cluster/namespaces.sh
source "$ROOT/dev/cluster/namespaces.sh"
# shellcheck source=dev/cluster/settings.sh
source "$ROOT/dev/cluster/settings.sh"
# shellcheck source=dev/cluster/components.sh
source "$ROOT/dev/cluster/components.sh"
# shellcheck source=dev/cluster/argo.sh
source "$ROOT/dev/cluster/argo.sh"
