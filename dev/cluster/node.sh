# shellcheck shell=bash
# Names, addresses and folders of this checkout's node. Sourced, never run.
#
# Every name contains the id, so that the nodes of two checkouts never share anything:
#   $STATE    keys, settings, etcd, containerd, NATS, logs; removed by dev/cluster/stop
#   $RUN      sockets and other files that are valid only until the machine restarts
#   /rex-<id> in every cgroup hierarchy (cgroups.sh)
#   rex<id>h  the host's end of the link into the node's network namespace (namespaces.sh)
# shellcheck disable=SC2034 # used where this is sourced

NODE_ID=$(node_id)
NODE_NAME=rex-$NODE_ID
STATE=$(state_dir)
RUN=/run/rex-$NODE_ID
CACHE=$(cache_dir)
HOST_LINK=rex${NODE_ID}h
NODE_LINK=rex${NODE_ID}n
readonly NODE_ID NODE_NAME STATE RUN CACHE HOST_LINK NODE_LINK
readonly REX_NAMESPACE=agent-platform
# Used only inside the node's network namespace.
readonly POD_CIDR=10.244.0.0/16 SERVICE_CIDR=10.96.0.0/16 API_SERVICE_IP=10.96.0.1
readonly API_PORT=6443 NATS_PORT=4222

# holder_pid: prints the id of the process that holds the node's namespaces; fails if there is none.
holder_pid() {
  local pid
  [[ -e $RUN/holder.pid ]] && pid=$(<"$RUN/holder.pid") && [[ -n $pid ]] || return 1
  grep -qsx "$pid" "$(cgroup_processes)/cgroup.procs" && echo "$pid"
}

# in_node COMMAND...: runs the command in the node's network and mount namespaces.
in_node() {
  nsenter --target "$(holder_pid)" --net --mount -- "$@"
}

# in_node_net COMMAND...: runs the command in the node's network namespace, but with the host's files.
in_node_net() {
  nsenter --target "$(holder_pid)" --net -- "$@"
}

# choose_subnet: sets HOST_IP and NODE_IP. For the link between host and node it chooses a /30 that the host does not use yet, from the
# range for tests of network devices (RFC 2544). Where the search starts depends on the id. A file keeps the choice.
choose_subnet() {
  local file="$STATE/subnet" n tries base
  if [[ ! -s $file ]]; then
    n=$((16#${NODE_ID:0:7} % 32768))
    for ((tries = 0; tries < 256; tries++, n = (n + 1) % 32768)); do
      base=$((n * 4))
      base=198.$((18 + base / 65536)).$((base / 256 % 256)).$((base % 256))
      [[ -z $(ip -4 route show root "$base/30"; ip -4 route show match "$base" | grep -v '^default') ]] && break
    done
    echo "$base" >"$file.new"
    mv "$file.new" "$file"
  fi
  base=$(<"$file")
  HOST_IP=${base%.*}.$((${base##*.} + 1))
  NODE_IP=${base%.*}.$((${base##*.} + 2))
}

# load_addresses: sets HOST_IP and NODE_IP of an existing node; fails if there is none.
load_addresses() {
  [[ -s $STATE/subnet ]] || return 1
  choose_subnet
}

# lock_node: allows only one start, stop or component change at a time. A process that outlives the script must close $LOCK.
lock_node() {
  mkdir -p "$(dirname "$STATE")"
  exec {LOCK}>"$(dirname "$STATE")/$NODE_ID.lock"
  flock --nonblock "$LOCK" && return
  say "another command is working on this node: waiting for it"
  timeout 600 flock "$LOCK" || die "the other command on this node did not end within ten minutes"
}

# wait_for SECONDS WHAT COMMAND...: waits until the command succeeds; dies after that many seconds.
wait_for() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < limit)) || die "gave up waiting for $what; see the logs in $STATE/logs"
    sleep 0.3
  done
}
