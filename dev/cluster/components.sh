# shellcheck shell=bash
# The processes of the node: how each is started, when it is ready, how it ends. Sourced by start and component, never run.

# In the order in which they start.
readonly COMPONENTS=(etcd containerd nats kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet
  argo-events workflow-controller)

# component_pid NAME: fails if it does not run.
component_pid() {
  local pid
  [[ -e $STATE/pids/$1 ]] && pid=$(<"$STATE/pids/$1") && [[ -n $pid ]] || return 1
  grep -qsx "$pid" "$(cgroup_processes)/cgroup.procs" && echo "$pid"
}

# launch NAME COMMAND...: starts it in the node's namespaces and cgroup. The process writes its own id, so that none is lost
# when the script ends in between; it lets go of the lock only after that.
launch() {
  local name=$1 holder tries log="$STATE/logs/${1%.keeper}.log"
  shift
  holder=$(holder_pid) || die 'the node is not running: dev/cluster/start'
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

# keeper PID-FILE COMMAND...: runs the command again whenever it ends, as a machine's service manager does.
keeper() {
  local code
  while :; do
    code=0
    # shellcheck disable=SC2016 # expanded by the shell that is started
    bash -c 'echo "$$" >"$0.new" && mv "$0.new" "$0" && exec "$@"' "$@" || code=$?
    echo "ended with code $code; it is started again in a second"
    sleep 1
  done
}

# keep NAME COMMAND...: launches it with a keeper.
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

# Its mutating admission policies, off by default, stand in for others' webhooks in tests.
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

# The machine's own connection tracking limits are left alone.
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
  # shellcheck disable=SC2016 # expanded by the shell that is started
  keep argo-events env KUBECONFIG="$STATE/kubeconfig/argo-events" NAMESPACE="$REX_NAMESPACE" \
    ARGO_EVENTS_IMAGE="$ARGO_EVENTS_IMAGE" IMAGE_PULL_POLICY=IfNotPresent \
    unshare --mount --propagation private -- bash -c '
      mkdir -p /run/argo-etc && cp -rT "$1" /run/argo-etc/argo-events
      mount --bind /run/argo-etc /etc && shift && exec "$@"' argo-events \
    "$STATE/settings/argo-events" "$CACHE/bin/argo-events" controller --namespaced --managed-namespace "$REX_NAMESPACE" \
    --leader-election=false
}

# Where the API server forgets the revision at which the controller watches its ConfigMaps, or has not read its roles yet, as
# after a restart, the controller never watches again but writes the same error line without end (3.7.4,
# runConfigMapWatcher). Its log is closed at the first such line: it ends with that, and its keeper starts it again.
run_workflow-controller() {
  # shellcheck disable=SC2016 # expanded by the shell that is started
  keep workflow-controller env LEADER_ELECTION_DISABLE=true bash -c 'exec "$@" &> >(sed -u "/invalid config map object received/q")' \
    workflow-controller "$CACHE/bin/workflow-controller" \
    --kubeconfig "$STATE/kubeconfig/workflow-controller" --namespace "$REX_NAMESPACE" --namespaced \
    --executor-image "$ARGOEXEC_IMAGE" --executor-image-pull-policy IfNotPresent
}

# ready_NAME: whether it answers.
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

# component_start NAME: starts it unless it is kept running; does not wait for it.
component_start() {
  component_pid "$1.keeper" >/dev/null || "run_$1"
}

# component_wait NAME [SECONDS]: until it is ready; else dies with the last lines of its log.
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

# component_end NAME SIGNAL: ends its keeper and sends the signal; a process that is still there after 15 seconds is killed.
component_end() {
  local keeper pid tries
  if keeper=$(component_pid "$1.keeper"); then
    # Stopped first, so that it starts nothing while the process that it has started is looked up.
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
