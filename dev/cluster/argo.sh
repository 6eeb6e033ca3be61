# shellcheck shell=bash
# Installs Argo Events and Argo Workflows on the node: custom resources, namespace, accounts, event bus. Sourced by start, never run.

# import_images: imports into containerd the images that it does not have yet.
import_images() {
  local name have
  have=$(in_node ctr --address "$RUN/containerd.sock" --namespace k8s.io image ls -q)
  for name in "${IMAGES[@]}"; do
    grep -qxF "$(image_reference "$name")" <<<"$have" && continue
    timeout --foreground 180 nsenter --target "$(holder_pid)" --net --mount -- \
      ctr --address "$RUN/containerd.sock" --namespace k8s.io image import "$CACHE/images/$name.tar" >/dev/null ||
      die "containerd did not import the image $name; see $STATE/logs/containerd.log"
  done
}

# steps_root: prints the folder that has the files of the steps image. Tests run steps with the image's tools there.
steps_root() {
  echo "$STATE/steps-root-$(recipe_hash)"
}

unpack_steps_image() {
  local root
  root=$(steps_root)
  [[ -d $root ]] && return
  rm -rf "$root.new"
  mkdir "$root.new"
  tar -xOf "$CACHE/images/steps.tar" layer.tar | tar -C "$root.new" -xf - || die "the steps image could not be unpacked into $root.new"
  mv "$root.new" "$root"
}

# install_argo: applies upstream's manifests for an installation in one namespace. The controllers themselves run as processes of the
# node (components.sh), with the accounts to which these manifests give rights.
install_argo() {
  local manifests="$CACHE/manifests"
  kubectl_admin apply --server-side --force-conflicts -f "$manifests/crds" >/dev/null
  kubectl_admin create namespace "$REX_NAMESPACE" --dry-run=client -o yaml | kubectl_admin apply -f - >/dev/null
  # Enforced, so that the tests fail if our objects or the example need more rights than this.
  kubectl_admin label namespace "$REX_NAMESPACE" --overwrite \
    pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=restricted >/dev/null
  kubectl_admin apply --namespace "$REX_NAMESPACE" -f "$manifests/events" -f "$manifests/workflows" >/dev/null
  kubectl_admin wait --for condition=Established --timeout 20s -f "$manifests/crds" >/dev/null
}

# create_event_bus: makes the node's NATS the namespace's default event bus.
create_event_bus() {
  kubectl_admin apply -f - >/dev/null <<END
apiVersion: argoproj.io/v1alpha1
kind: EventBus
metadata:
  name: default
  namespace: $REX_NAMESPACE
spec:
  jetstreamExotic:
    url: nats://$NODE_IP:$NATS_PORT
    streamConfig: |
      replicas: 1
END
}

event_bus_is_ready() {
  [[ $(kubectl_admin -n "$REX_NAMESPACE" get eventbus default -o 'jsonpath={.status.conditions[?(@.status!="True")].type}') == '' &&
    -n $(kubectl_admin -n "$REX_NAMESPACE" get eventbus default -o 'jsonpath={.status.conditions[*].type}') ]]
}
