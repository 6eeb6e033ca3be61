# shellcheck shell=bash
# All parts of the embedded node's scripts, in the order in which they need each other. Sourced after lib.sh, never run.

# shellcheck source=scripts/cluster/versions.sh
source "$ROOT/scripts/cluster/versions.sh"
# shellcheck source=scripts/cluster/node.sh
source "$ROOT/scripts/cluster/node.sh"
# shellcheck source=scripts/cluster/cgroups.sh
source "$ROOT/scripts/cluster/cgroups.sh"
# shellcheck source=scripts/cluster/preflight.sh
source "$ROOT/scripts/cluster/preflight.sh"
# shellcheck source=scripts/cluster/images.sh
source "$ROOT/scripts/cluster/images.sh"
# shellcheck source=scripts/cluster/namespaces.sh
source "$ROOT/scripts/cluster/namespaces.sh"
# shellcheck source=scripts/cluster/settings.sh
source "$ROOT/scripts/cluster/settings.sh"
# shellcheck source=scripts/cluster/components.sh
source "$ROOT/scripts/cluster/components.sh"
# shellcheck source=scripts/cluster/argo.sh
source "$ROOT/scripts/cluster/argo.sh"
