# shellcheck shell=bash
# The node's cgroup: /rex-<id> in every hierarchy, whether version 1, version 2 or both. Kubelet puts its pods below it. The node's own
# processes are also in it, so that these scripts can find all of them. Sourced, never run.
#
# Tested on a hybrid machine (version 1 controllers, version 2 at /sys/fs/cgroup/unified). The branch for version 2 alone is untested.

# cgroup_roots: prints the mount points of the hierarchies.
cgroup_roots() {
  awk '($3 == "cgroup" || $3 == "cgroup2") && $2 ~ "^/sys/fs/cgroup" { print $2 }' /proc/self/mounts
}

# cgroup_is_v2: whether the controllers are in the version 2 hierarchy.
cgroup_is_v2() {
  [[ -e /sys/fs/cgroup/cgroup.controllers ]]
}

# cgroup_processes: prints the folder for the node's own processes. On a hybrid machine it is in the version 2 hierarchy, which has no
# controllers. Container runtimes move no process out of it, so the processes of pods are also found there.
cgroup_processes() {
  if cgroup_is_v2; then
    echo "/sys/fs/cgroup/rex-$NODE_ID/node"
  elif [[ -e /sys/fs/cgroup/unified/cgroup.procs ]]; then
    echo "/sys/fs/cgroup/unified/rex-$NODE_ID/node"
  else
    echo "/sys/fs/cgroup/pids/rex-$NODE_ID/node"
  fi
}

# cgroup_create: creates the folders that do not exist yet.
cgroup_create() {
  local root file
  while read -r root; do
    mkdir -p "$root/rex-$NODE_ID"
    # In version 1 a new cpuset is empty, and no process can run in an empty cpuset.
    for file in cpuset.cpus cpuset.mems; do
      [[ -e $root/rex-$NODE_ID/$file && ! -e $root/cgroup.controllers ]] && cat "$root/$file" >"$root/rex-$NODE_ID/$file"
    done
  done < <(cgroup_roots)
  mkdir -p "$(cgroup_processes)"
  if cgroup_is_v2; then
    cgroup_delegate /sys/fs/cgroup
    cgroup_delegate "/sys/fs/cgroup/rex-$NODE_ID"
  fi
}

# cgroup_delegate DIR: enables all controllers of a version 2 cgroup for its children.
cgroup_delegate() {
  local controller
  for controller in $(<"$1/cgroup.controllers"); do
    echo "+$controller" >"$1/cgroup.subtree_control" 2>/dev/null || true
  done
}

# cgroup_pids: prints the ids of all processes of the node, including those in pods.
cgroup_pids() {
  local root
  while read -r root; do
    [[ -d $root/rex-$NODE_ID ]] && find "$root/rex-$NODE_ID" -name cgroup.procs -exec cat {} + 2>/dev/null
  done < <(cgroup_roots) | sort -un
}

# cgroup_kill: kills every process of the node and waits until init has reaped them. Fails if one still runs after 20 seconds.
cgroup_kill() {
  local pids seen=() tries pid
  for ((tries = 0; tries < 100; tries++)); do
    mapfile -t pids < <(cgroup_pids)
    ((${#pids[@]} > 0)) || break
    seen+=("${pids[@]}")
    kill -KILL "${pids[@]}" 2>/dev/null || true
    sleep 0.2
  done
  ((${#pids[@]} == 0)) || return 1
  for pid in "${seen[@]}"; do
    for ((; tries < 200; tries++)); do
      [[ -e /proc/$pid ]] || break
      sleep 0.1
    done
  done
}

# cgroup_remove: removes the folders, innermost first.
cgroup_remove() {
  local root
  while read -r root; do
    [[ ! -d $root/rex-$NODE_ID ]] || find "$root/rex-$NODE_ID" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done < <(cgroup_roots)
}
