# shellcheck shell=bash
# The processes of the node: how to start them, when they are ready, how to stop them. Sourced by start and component, never run.

# In the order in which they start.
readonly COMPONENTS=(etcd containerd nats kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet
  argo-events workflow-controller)

# component_pid NAME: prints the process id; fails if the component is not running.
component_pid() {
  local pid
  [[ -e $STATE/pids/$1 ]] && pid=$(<"$STATE/pids/$1") && [[ -n $pid ]] || return 1
  grep -qsx "$pid" "$(cgroup_processes)/cgroup.procs" && echo "$pid"
}

# launch NAME COMMAND...: starts the command in the node's namespaces and cgroup. The process records its own id before it releases the
# lock, so that no process is lost if the script is interrupted.
launch() {
  local name=$1 holder tries log="$STATE/logs/${1%.keeper}.log"
  shift
  holder=$(holder_pid) || die 'the node is not running: start it with dev/cluster/start'
  mkdir -p "$STATE/pids" "$STATE/logs"
  rm -f "$STATE/pids/$name"
  (
    echo "$BASHPID" >"$(cgroup_processes)/cgroup.procs"
    echo "$BASHPID" >"$STATE/pids/$name.new"
    mv "$STATE/pids/$name.new" "$STATE/pids/$name"
    [[ -z ${LOCK:-} ]] || exec {LOCK}>&-
    exec setsid nsenter --target "$holder" --net --mount -- "$@" </dev/null >>"$log" 2>&1
  ) &
  disown
  for ((tries = 0; tries < 500; tries++)); do
    [[ ! -e $STATE/pids/$name ]] || return 0
    sleep 0.01
  done
  die "$name could not be started; its log is $log"
}

# keeper PID-FILE COMMAND...: restarts the command whenever it ends, like a service manager.
keeper() {
  local code
  while :; do
    code=0
    # shellcheck disable=SC2016 # the inner shell expands it
    bash -c 'echo "$$" >"$0.new" && mv "$0.new" "$0" && exec "$@"' "$@" || code=$?
    echo "ended with code $code; restarting it in a second"
    sleep 1
  done
}

# keep NAME COMMAND...: launches the command under a keeper.
keep() {
  local name=$1
  shift
  rm -f "$STATE/pids/$name"
  launch "$name.keeper" bash -c "$(declare -f keeper); keeper \"\$@\"" "keeper of $name" "$STATE/pids/$name" "$@"
}

run_etcd() {
  keep etcd "$CACHE/bin/etcd" --name "$NODE_NAME" --data-dir "$STATE/etcd" --unsafe-no-fsync --logger zap --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster "$NODE_NAME=http://127.0.0.1:2380"
}

run_containerd() {
  keep containerd containerd --config "$STATE/settings/containerd.toml"
}

run_nats() {
  keep nats "$CACHE/bin/nats-server" --config "$STATE/settings/nats.conf"
}

# Mutating admission policies are off by default. They are on here, because tests use them in place of other people's webhooks.
run_kube-apiserver() {
  local pki="$STATE/pki"
  keep kube-apiserver "$CACHE/bin/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
    --advertise-address "$NODE_IP" --secure-port "$API_PORT" --service-cluster-ip-range "$SERVICE_CIDR" \
    --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" --cert-dir "$RUN" \
    --client-ca-file "$pki/ca.crt" --token-auth-file "$pki/tokens.csv" --authorization-mode Node,RBAC --allow-privileged \
    --shutdown-watch-termination-grace-period 1s \
    --feature-gates MutatingAdmissionPolicy=true --runtime-config admissionregistration.k8s.io/v1beta1=true \
    --kubelet-certificate-authority "$pki/ca.crt" --kubelet-client-certificate "$pki/kubelet-client.crt" \
    --kubelet-client-key "$pki/kubelet-client.key" --kubelet-preferred-address-types InternalIP \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$pki/service-account.key" \
    --service-account-signing-key-file "$pki/service-account.key"
}

run_kube-controller-manager() {
  keep kube-controller-manager "$CACHE/bin/kube-controller-manager" --kubeconfig "$STATE/kubeconfig/kube-controller-manager" \
    --bind-address 127.0.0.1 --leader-elect=false --use-service-account-credentials --root-ca-file "$STATE/pki/ca.crt" \
    --service-account-private-key-file "$STATE/pki/service-account.key" --cert-dir "$RUN" \
    --flex-volume-plugin-dir "$STATE/kubelet/volume-plugins"
}

run_kube-scheduler() {
  keep kube-scheduler "$CACHE/bin/kube-scheduler" --kubeconfig "$STATE/kubeconfig/kube-scheduler" \
    --bind-address 127.0.0.1 --leader-elect=false --cert-dir "$RUN"
}

# The zeros keep kube-proxy from changing the machine's own connection tracking limits.
run_kube-proxy() {
  keep kube-proxy "$CACHE/bin/kube-proxy" --kubeconfig "$STATE/kubeconfig/kube-proxy" --hostname-override "$NODE_NAME" \
    --proxy-mode nftables --cluster-cidr "$POD_CIDR" --conntrack-max-per-core 0 --conntrack-min 0 \
    --conntrack-tcp-timeout-established 0s --conntrack-tcp-timeout-close-wait 0s \
    --healthz-bind-address 127.0.0.1:10256 --metrics-bind-address 127.0.0.1:10249
}

run_kubelet() {
  keep kubelet "$CACHE/bin/kubelet" --config "$STATE/settings/kubelet.yaml" --kubeconfig "$STATE/kubeconfig/kubelet" \
    --root-dir "$STATE/kubelet" --hostname-override "$NODE_NAME" --node-ip "$NODE_IP"
}

run_argo-events() {
  # shellcheck disable=SC2016 # the inner shell expands it
  keep argo-events env KUBECONFIG="$STATE/kubeconfig/argo-events" NAMESPACE="$REX_NAMESPACE" \
    ARGO_EVENTS_IMAGE="$ARGO_EVENTS_IMAGE" IMAGE_PULL_POLICY=IfNotPresent \
    unshare --mount --propagation private -- bash -c '
      mkdir -p /run/argo-etc && cp -rT "$1" /run/argo-etc/argo-events
      mount --bind /run/argo-etc /etc && shift && exec "$@"' argo-events \
    "$STATE/settings/argo-events" "$CACHE/bin/argo-events" controller --namespaced --managed-namespace "$REX_NAMESPACE" \
    --leader-election=false
}

# Works around a bug in 3.7.4 (runConfigMapWatcher). After a restart the API server may not know the revision from which the controller
# watches its ConfigMaps, or may not have read its roles yet. Then the controller never resumes the watch, but writes the same error line
# forever. So the first such line closes its log. That ends the controller, and its keeper starts it again.
run_workflow-controller() {
  # shellcheck disable=SC2016 # the inner shell expands it
  keep workflow-controller env LEADER_ELECTION_DISABLE=true bash -c 'exec "$@" &> >(sed -u "/invalid config map object received/q")' \
    workflow-controller "$CACHE/bin/workflow-controller" \
    --kubeconfig "$STATE/kubeconfig/workflow-controller" --namespace "$REX_NAMESPACE" --namespaced \
    --executor-image "$ARGOEXEC_IMAGE" --executor-image-pull-policy IfNotPresent
}

# ready_NAME: whether the component answers.
ready_etcd() { in_node curl -fsS --max-time 2 http://127.0.0.1:2379/health; }
ready_containerd() { in_node ctr --address "$RUN/containerd.sock" --connect-timeout 2s version; }
ready_nats() { in_node curl -fsS --max-time 2 http://127.0.0.1:8222/healthz; }
ready_kube-apiserver() { kubectl_admin get --raw /readyz; }
ready_kube-controller-manager() { in_node curl -fsSk --max-time 2 https://127.0.0.1:10257/healthz; }
ready_kube-scheduler() { in_node curl -fsSk --max-time 2 https://127.0.0.1:10259/healthz; }
ready_kube-proxy() { in_node curl -fsS --max-time 2 http://127.0.0.1:10256/livez; }
ready_kubelet() {
  in_node curl -fsS --max-time 2 http://127.0.0.1:10248/healthz &&
    kubectl_admin get node "$NODE_NAME" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' | grep -qx True
}
ready_argo-events() { in_node curl -fsS --max-time 2 http://127.0.0.1:8081/readyz; }
ready_workflow-controller() { in_node curl -fsS --max-time 2 http://127.0.0.1:6060/healthz; }

kubectl_admin() {
  "$CACHE/bin/kubectl" --kubeconfig "$STATE/kubeconfig/admin" --request-timeout 10s "$@"
}

# component_start NAME: starts the component unless its keeper runs already; does not wait until it is ready.
component_start() {
  component_pid "$1.keeper" >/dev/null || "run_$1"
}

# component_wait NAME [SECONDS]: waits until the component is ready. After 40 seconds by default, it dies with the last lines of its log.
component_wait() {
  local limit=$((SECONDS + ${2:-40}))
  until component_pid "$1" >/dev/null && "ready_$1" >/dev/null 2>&1; do
    ((SECONDS < limit)) || {
      tail -n 15 "$STATE/logs/$1.log" >&2 || true
      die "$1 is not ready after ${2:-40} seconds; its log is $STATE/logs/$1.log"
    }
    sleep 0.2
  done
}

# component_end NAME SIGNAL: kills the keeper and sends the signal to the component. Kills it, too, if it still runs after 15 seconds.
component_end() {
  local keeper pid tries
  if keeper=$(component_pid "$1.keeper"); then
    # Stop the keeper first, so that it cannot start another process during the lookup of its child.
    kill -STOP "$keeper"
    read -r pid _ <"/proc/$keeper/task/$keeper/children" || true
    kill -KILL "$keeper"
  fi
  [[ -n ${pid:-} ]] || pid=$(component_pid "$1") || return 0
  kill -"$2" "$pid" 2>/dev/null || true
  for ((tries = 0; tries < 150; tries++)); do
    grep -qsx "$pid" "$(cgroup_processes)/cgroup.procs" || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  sleep 0.2
}
