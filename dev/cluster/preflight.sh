# shellcheck shell=bash
# Checks the machine before anything starts. A check that fails prints one message with the problem and an alternative.
# Sourced by dev/cluster/build and dev/cluster/start, never run.

readonly OTHER_WAY='or use your own cluster: scripts/up --context NAME --stack NAME (--help)'
# In GiB, measured and rounded up generously: Go's module cache (7) and build cache (8), binaries and images (2); a new node's data (1).
readonly BUILD_DISK_GIB=20 NODE_DISK_GIB=4

# refuse TEXT: ends the script with the message of a failed check.
refuse() {
  die "the embedded cluster cannot run here: $1; $OTHER_WAY"
}

# Commands that the node needs, each with its Debian package. Two more packages have no command; missing_packages looks for their files.
readonly TOOLS=(containerd:containerd ctr:containerd runc:runc nft:nftables ip:iproute2 nsenter:util-linux unshare:util-linux
  jq:jq curl:curl openssl:openssl tar:tar flock:util-linux)
readonly BUILD_TOOLS=(mmdebstrap:mmdebstrap)
readonly CHECK_TOOLS=(shellcheck:shellcheck)

# cni_dir: prints the folder of the CNI plugins (Debian's, otherwise upstream's); empty if there are none.
cni_dir() {
  local dir
  for dir in /usr/lib/cni /opt/cni/bin; do
    [[ -x $dir/ptp && -x $dir/host-local && -x $dir/loopback ]] && echo "$dir" && return
  done
  return 0
}

# missing_packages TOOL:PACKAGE...: prints the Debian packages of the missing tools.
missing_packages() {
  local pair
  {
    for pair in "$@"; do
      command -v "${pair%%:*}" >/dev/null || echo "${pair##*:}"
    done
    [[ -n $(cni_dir) ]] || echo containernetworking-plugins
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || echo ca-certificates
  } | sort -u
}

# install_packages PACKAGE...: installs with apt-get. If that fails, it updates the package lists and tries again.
install_packages() {
  local log
  command -v apt-get >/dev/null || refuse "these packages are missing, and there is no apt-get to install them: $*"
  log=$(mktemp)
  say "installing Debian packages: $*"
  export DEBIAN_FRONTEND=noninteractive
  if ! timeout --foreground 900 apt-get install -y --no-install-recommends "$@" >"$log" 2>&1; then
    timeout --foreground 600 apt-get update >"$log" 2>&1 || true
    timeout --foreground 900 apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1 ||
      refuse "apt-get could not install $* ($(grep -E '^E: ' "$log" | head -1))"
  fi
  rm -f "$log"
}

# free_gib DIR: prints the free space in whole GiB on the file system where DIR is or will be.
free_gib() {
  local dir=$1
  while [[ ! -d $dir ]]; do dir=$(dirname "$dir"); done
  df --output=avail -B1G "$dir" | tail -1 | tr -d ' '
}

# check_disk GIB DIR WHAT
check_disk() {
  local free
  free=$(free_gib "$2")
  ((free >= $1)) || refuse "$3 needs $1 GiB of free space in $2, but there are only $free GiB"
}

# check_machine: checks what installing packages cannot fix.
check_machine() {
  [[ $(uname -s) == Linux ]] || refuse "it needs Linux, but this is $(uname -s)"
  [[ $(machine_arch) == amd64 || $(machine_arch) == arm64 ]] || refuse "it needs an x86-64 or arm64 processor, but this is $(uname -m)"
  ((EUID == 0)) || refuse "it needs root, but you are $(id -un) (sudo $0)"
  [[ -d /sys/fs/cgroup && -n $(cgroup_roots) ]] || refuse "no cgroup hierarchy is mounted below /sys/fs/cgroup"
}

# check_kernel: checks that the kernel has what the node needs, and that root is allowed to use it here.
check_kernel() {
  local root probe
  unshare --mount --net true 2>/dev/null || refuse 'root may not create namespaces here (a container without privileges?)'
  unshare --net ip link add rexprobe type veth peer name rexprobe2 2>/dev/null || refuse 'the kernel cannot create veth network links'
  unshare --net nft add table ip rexprobe 2>/dev/null || refuse 'the kernel has no nftables'
  while read -r root; do
    probe="$root/rex-probe-$$"
    { mkdir "$probe" && rmdir "$probe"; } 2>/dev/null || refuse "root cannot create a cgroup in $root (a container without privileges?)"
  done < <(cgroup_roots)
}

# check_tools TOOL:PACKAGE...: installs the missing tools.
check_tools() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
}

# check_go: checks for a Go version that the pinned modules accept. The go command downloads a newer version itself if its settings allow.
check_go() {
  local version
  command -v go >/dev/null || refuse "Go >= $GO_MIN is needed to build it, but PATH has no go (https://go.dev/doc/install)"
  version=$(cd "$ROOT/dev/cluster/modules/argo-events" && go env GOVERSION 2>/dev/null) || version=$(cd / && go env GOVERSION)
  version=${version#go}
  version=${version%% *}
  [[ $(printf '%s\n%s\n' "$GO_MIN" "$version" | sort -V | head -1) == "$GO_MIN" ]] ||
    refuse "Go >= $GO_MIN is needed to build it, but this is $version (https://go.dev/doc/install)"
}
