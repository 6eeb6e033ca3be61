# shellcheck shell=bash
# The node's own network and mount namespaces. One process, the holder, keeps them. When it and the node's other processes have ended,
# the kernel removes every mount, route and rule of the node. Sourced by start and stop, never run.

# holder_main: prepares the new namespaces and then sleeps. It runs as `bash -c` and gets its variables from the environment.
holder_main() {
  set -euo pipefail
  # Container software writes to fixed paths below these folders. Empty file systems cover them, so that two nodes never share them and the
  # host never sees them. The folders that the node itself needs there are mounted again.
  local dir keep fd
  for dir in /run /var/lib /var/log; do
    declare -A open=()
    for keep in "$STATE" "$RUN" "$CACHE" "$ROOT"; do
      [[ $keep == "$dir"/* ]] || continue
      exec {fd}<"$keep"
      open[$keep]=$fd
    done
    mount -t tmpfs -o mode=755 "rex-$NODE_ID" "$dir"
    for keep in "${!open[@]}"; do
      fd=${open[$keep]}
      mkdir -p "$keep"
      mount --no-canonicalize --bind "/proc/self/fd/$fd" "$keep"
      exec {fd}<&-
    done
    unset open
  done
  # Kubelet sets these for the whole machine unless they already have the right values. So it sees files with those values here, and does
  # not change the machine's settings.
  local setting
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    mkdir -p "/run/sysctl/$(dirname "${setting%=*}")"
    echo "${setting#*=}" >"/run/sysctl/${setting%=*}"
    [[ ! -e /proc/sys/${setting%=*} ]] || mount --bind "/run/sysctl/${setting%=*}" "/proc/sys/${setting%=*}"
  done
  ip link set lo up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # Without a rate limit, every attempt to reach another network or to resolve a name (there is no DNS) is refused at once.
  echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
  touch "$RUN/holder.ready"
  exec -a "rex-node-$NODE_ID" sleep infinity
}

# holder_start: starts the holder unless it is already running and ready.
holder_start() {
  holder_pid >/dev/null && [[ -e $RUN/holder.ready ]] && return
  remove_runtime
  mkdir -p "$RUN"
  cgroup_create
  (
    echo "$BASHPID" >"$(cgroup_processes)/cgroup.procs"
    echo "$BASHPID" >"$RUN/holder.pid"
    exec {LOCK}>&-
    export NODE_ID STATE RUN CACHE ROOT
    exec setsid unshare --mount --net --propagation slave -- \
      bash -c "$(declare -f holder_main); holder_main" </dev/null >>"$STATE/logs/holder.log" 2>&1
  ) &
  disown
  wait_for 10 "the node's namespaces" test -e "$RUN/holder.ready"
}

# link_is_up: whether the link between host and node exists and has its addresses.
link_is_up() {
  ip -4 -o addr show dev "$HOST_LINK" 2>/dev/null | grep -qF " $HOST_IP/30 " &&
    in_node_net ip -4 -o addr show dev "$NODE_LINK" 2>/dev/null | grep -qF " $NODE_IP/30 " &&
    in_node_net ip -4 route show "$SERVICE_CIDR" | grep -q .
}

# link_start: creates the link between host and node. It is the only route between the two, and the node's only one.
link_start() {
  link_is_up && return
  ip link del "$HOST_LINK" 2>/dev/null || true
  ip link add "$HOST_LINK" type veth peer name "$NODE_LINK" netns "$(holder_pid)"
  ip addr add "$HOST_IP/30" dev "$HOST_LINK"
  ip link set "$HOST_LINK" up
  in_node_net ip addr add "$NODE_IP/30" dev "$NODE_LINK"
  in_node_net ip link set "$NODE_LINK" up
  # A process of the node that calls a Service needs some route to it. Only then can kube-proxy's rules redirect the call to a pod.
  in_node_net ip route add "$SERVICE_CIDR" dev "$NODE_LINK" src "$NODE_IP"
}

# remove_runtime: ends every process of the node and removes link, cgroups and $RUN. The data in $STATE stays.
remove_runtime() {
  cgroup_kill || die "these processes of the node do not end: $(cgroup_pids | tr '\n' ' ')"
  ip link del "$HOST_LINK" 2>/dev/null || true
  cgroup_remove
  rm -rf --one-file-system "$RUN"
}
