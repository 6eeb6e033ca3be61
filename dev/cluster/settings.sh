# shellcheck shell=bash
# Keys, tokens and settings files of the node's components. Sourced by dev/cluster/start, never run.

# put FILE: writes standard input to FILE, completely or not at all.
put() {
  mkdir -p "$(dirname "$1")"
  cat >"$1.new"
  mv "$1.new" "$1"
}

# certificate NAME SUBJECT ALTERNATIVE-NAMES: creates a key and a certificate signed by the node's own authority.
certificate() {
  local key="$STATE/pki/$1.key"
  [[ -s $STATE/pki/$1.crt ]] && return
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$key" -subj "$2" -out "$key.csr" 2>/dev/null
  openssl x509 -req -in "$key.csr" -days 3650 -CA "$STATE/pki/ca.crt" -CAkey "$STATE/pki/ca.key" -CAcreateserial \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$3") 2>/dev/null | put "$STATE/pki/$1.crt"
}

write_keys() {
  local pki="$STATE/pki"
  mkdir -p "$pki"
  [[ -s $pki/ca.crt ]] || {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$NODE_NAME" \
      -keyout "$pki/ca.key" 2>/dev/null | put "$pki/ca.crt"
  }
  certificate apiserver /CN=kube-apiserver \
    "IP:$NODE_IP,IP:$API_SERVICE_IP,IP:127.0.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
  certificate kubelet-client /O=system:masters/CN=kube-apiserver DNS:kube-apiserver
  certificate kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" "IP:$NODE_IP,DNS:$NODE_NAME"
  certificate nats /CN=nats "IP:$NODE_IP,IP:127.0.0.1"
  [[ -s $pki/service-account.key ]] || openssl genrsa 2048 2>/dev/null | put "$pki/service-account.key"
}

# api_users: prints the API server's users, each with name, user and groups. The two Argo controllers use the service accounts of their
# install manifests.
api_users() {
  local accounts="system:serviceaccounts,system:serviceaccounts:$REX_NAMESPACE,system:authenticated"
  cat <<END
admin admin system:masters
kube-controller-manager system:kube-controller-manager
kube-scheduler system:kube-scheduler
kube-proxy system:kube-proxy
kubelet system:node:$NODE_NAME system:nodes
argo-events system:serviceaccount:$REX_NAMESPACE:argo-events-sa $accounts
workflow-controller system:serviceaccount:$REX_NAMESPACE:argo $accounts
END
}

# write_tokens: creates a random token and a kubeconfig for each user.
write_tokens() {
  local name user groups token
  [[ -s $STATE/pki/tokens.csv ]] || {
    while read -r name user groups; do
      printf '%s,%s,%s,"%s"\n' "$(openssl rand -hex 24)" "$user" "$name" "$groups"
    done < <(api_users)
  } | put "$STATE/pki/tokens.csv"
  while IFS=, read -r token user name _; do
    put "$STATE/kubeconfig/$name" <<END
apiVersion: v1
kind: Config
clusters:
  - name: $NODE_NAME
    cluster:
      server: https://$NODE_IP:$API_PORT
      certificate-authority-data: $(base64 -w0 "$STATE/pki/ca.crt")
users:
  - name: $name
    user: {token: $token}
contexts:
  - name: $NODE_NAME
    context: {cluster: $NODE_NAME, user: $name, namespace: $REX_NAMESPACE}
current-context: $NODE_NAME
END
  done <"$STATE/pki/tokens.csv"
}

write_containerd() {
  local snapshotter=overlayfs
  mkdir -p "$STATE/containerd"
  # overlayfs does not work on top of another overlayfs.
  [[ $(stat -f -c %T "$STATE/containerd") != overlayfs ]] || snapshotter=native
  put "$STATE/settings/containerd.toml" <<END
version = 2
root = "$STATE/containerd"
state = "$RUN/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing"]

[grpc]
address = "$RUN/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "$PAUSE_IMAGE"
# Without this, no sandbox would start on machines that forbid lowering oom_score_adj.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
tolerate_missing_hugetlb_controller = true
disable_hugetlb_controller = true
stream_server_address = "127.0.0.1"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "$snapshotter"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "$(cni_dir)"
conf_dir = "$STATE/settings/cni"
END
  # Each pod has its own link, and traffic between pods is routed, so that replies pass through kube-proxy's rules. Pods cannot use
  # hostPort, because that plugin needs iptables.
  put "$STATE/settings/cni/10-rex.conflist" <<END
{
  "cniVersion": "0.4.0",
  "name": "$NODE_NAME",
  "plugins": [
    {
      "type": "ptp",
      "ipam": {
        "type": "host-local",
        "dataDir": "$RUN/cni",
        "ranges": [[{"subnet": "$POD_CIDR"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    }
  ]
}
END
}

write_kubelet() {
  # The node has no DNS. With this address a lookup is refused at once instead of timing out.
  put "$STATE/settings/resolv.conf" <<<"nameserver $NODE_IP"
  put "$STATE/settings/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $STATE/pki/ca.crt}
authorization: {mode: Webhook}
tlsCertFile: $STATE/pki/kubelet.crt
tlsPrivateKeyFile: $STATE/pki/kubelet.key
containerRuntimeEndpoint: unix://$RUN/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /rex-$NODE_ID
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
maxPods: 200
clusterDomain: cluster.local
clusterDNS: [$NODE_IP]
resolvConf: $STATE/settings/resolv.conf
podLogsDir: $STATE/pod-logs
volumePluginDir: $STATE/kubelet/volume-plugins
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%}
# Garbage collection is off, because a deleted image could not be pulled again.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
END
}

write_nats() {
  put "$STATE/settings/nats.conf" <<END
server_name: $NODE_NAME
listen: "0.0.0.0:$NATS_PORT"
http: "127.0.0.1:8222"
jetstream { store_dir: "$STATE/nats", max_memory_store: 256MB, max_file_store: 4GB }
# The JetStream client of Argo Events always asks for TLS.
tls { cert_file: "$STATE/pki/nats.crt", key_file: "$STATE/pki/nats.key" }
END
}

# write_argo: extracts the configuration of Argo Events' controller. The controller reads it from a fixed path below /etc, so
# run_argo-events gives it a separate /etc.
write_argo() {
  awk '/^  controller-config.yaml:/ { on = 1; next } on { sub(/^    /, ""); print }' \
    "$CACHE/manifests/events/controller-config.yaml" | put "$STATE/settings/argo-events/controller-config.yaml"
}

# write_node_env: writes the variables that dev/on-node passes to commands.
write_node_env() {
  put "$STATE/node.env" <<END
REX_NODE_ID=$NODE_ID
KUBECONFIG=$STATE/kubeconfig/admin
REX_NODE_IP=$NODE_IP
REX_NETNS=/proc/$(holder_pid)/ns/net
REX_NATS_URL=nats://$NODE_IP:$NATS_PORT
REX_NAMESPACE=$REX_NAMESPACE
REX_STEPS_IMAGE=$(steps_image)
REX_STEPS_ROOT=$(steps_root)
END
}

write_settings() {
  write_keys
  write_tokens
  write_containerd
  write_kubelet
  write_nats
  write_argo
}
