# shellcheck shell=bash
# The node's cgroup: /rex-<id> in every hierarchy, version 1, version 2 or both. Kubelet puts its pods below it; the node's
# own processes are in it too, and through it every one of them is found again. Sourced, never run.
#
# Tried on a version 1 hybrid machine (version 1 controllers, version 2 at /sys/fs/cgroup/unified). The version 2 branch has
# not been tried.

# cgroup_roots: where the hierarchies are mounted.
cgroup_roots() {
  awk '($3 == "cgroup" || $3 == "cgroup2") && $2 ~ "^/sys/fs/cgroup" { print $2 }' /proc/self/mounts
}

# cgroup_is_v2: whether version 2 has the controllers.
cgroup_is_v2() {
  [[ -e /sys/fs/cgroup/cgroup.controllers ]]
}

# cgroup_processes: the folder that the node's own processes are put in. Where a version 2 hierarchy without controllers is
# there (hybrid), it is in that one: container runtimes move nothing there, so pods are found in it too.
cgroup_processes() {
  if cgroup_is_v2; then
    echo "/sys/fs/cgroup/rex-$NODE_ID/node"
  elif [[ -e /sys/fs/cgroup/unified/cgroup.procs ]]; then
    echo "/sys/fs/cgroup/unified/rex-$NODE_ID/node"
  else
    echo "/sys/fs/cgroup/pids/rex-$NODE_ID/node"
  fi
}

# cgroup_create: makes the folders; nothing happens to those that are there.
cgroup_create() {
  local root file
  while read -r root; do
    mkdir -p "$root/rex-$NODE_ID"
    # Version 1 starts a cpuset empty, and nothing runs in an empty one.
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

# cgroup_delegate DIR: hands all controllers of a version 2 cgroup to its children.
cgroup_delegate() {
  local controller
  for controller in $(<"$1/cgroup.controllers"); do
    echo "+$controller" >"$1/cgroup.subtree_control" 2>/dev/null || true
  done
}

# cgroup_pids: every process of the node, pods included.
cgroup_pids() {
  local root
  while read -r root; do
    [[ -d $root/rex-$NODE_ID ]] && find "$root/rex-$NODE_ID" -name cgroup.procs -exec cat {} + 2>/dev/null
  done < <(cgroup_roots) | sort -un
}

# cgroup_kill: ends every process of the node and waits until init has collected them. Fails if one still runs after 20
# seconds.
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

# cgroup_remove: removes the folders, the innermost first.
cgroup_remove() {
  local root
  while read -r root; do
    [[ ! -d $root/rex-$NODE_ID ]] || find "$root/rex-$NODE_ID" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done < <(cgroup_roots)
}
