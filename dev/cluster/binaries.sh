# shellcheck shell=bash
# The recipe of the binaries and manifests in the cache. Sourced by dev/cluster/build, never run.
#
# Any change in this file except in comments changes the cache's name (see recipe_hash). Then everything is linked again, but not
# compiled again.

# Built in this order. Binaries that other work waits for come first.
readonly BINARIES=(etcd nats-server kube-apiserver pulumi argo-events workflow-controller argoexec argo
  kube-controller-manager kube-scheduler kubelet kube-proxy kubectl pause)

# binary_package NAME: prints the folder and the Go package of a binary. The folder is relative to dev/cluster.
binary_package() {
  case $1 in
    etcd) echo modules/etcd go.etcd.io/etcd/server/v3 ;;
    nats-server) echo modules/nats github.com/nats-io/nats-server/v2 ;;
    argo-events) echo modules/argo-events github.com/argoproj/argo-events/cmd ;;
    workflow-controller | argoexec | argo) echo modules/argo-workflows "github.com/argoproj/argo-workflows/v3/cmd/$1" ;;
    pulumi) echo modules/pulumi github.com/pulumi/pulumi/pkg/v3/cmd/pulumi ;;
    pause) echo pause . ;;
    *) echo modules/kubernetes "k8s.io/kubernetes/cmd/$1" ;;
  esac
}

# binary_version NAME: prints linker flags that set the version a binary reports. Empty if nothing checks that version.
binary_version() {
  local kubernetes=k8s.io/component-base/version minor
  case $1 in
    etcd | nats-server | pause) ;;
    argo-events) echo "-X github.com/argoproj/argo-events.version=$ARGO_EVENTS_VERSION" ;;
    workflow-controller | argoexec | argo)
      echo "-X github.com/argoproj/argo-workflows/v3.version=$ARGO_WORKFLOWS_VERSION" ;;
    pulumi) echo "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$PULUMI_VERSION" ;;
    *)
      minor=${KUBERNETES_VERSION#v1.}
      echo "-X $kubernetes.gitVersion=$KUBERNETES_VERSION -X $kubernetes.gitMajor=1 -X $kubernetes.gitMinor=${minor%%.*} -X $kubernetes.gitTreeState=clean"
      ;;
  esac
}

# vendor_argo_workflows DIR: copies argo-workflows into DIR and adds two files without which it does not compile. Its module lacks them,
# because modules contain neither symbolic links (signal_linux.go) nor generated files (the web page embedded in the CLI).
vendor_argo_workflows() {
  local upstream="$1/vendor/github.com/argoproj/argo-workflows/v3"
  [[ -e $1/complete ]] && return
  rm -rf "$1"
  mkdir -p "$1"
  cp "$ROOT"/dev/cluster/modules/argo-workflows/go.{mod,sum} "$1/"
  (cd "$1" && timeout --foreground 1800 go mod vendor -e) 2>&1 | grep -v 'pattern dist/app\|go: downloading' >&2 || true
  [[ -e $upstream/workflow/executor/osspecific/signal_darwin.go ]] || die "go mod vendor failed for argo-workflows (see above)"
  cp "$upstream"/workflow/executor/osspecific/signal_{darwin,linux}.go
  mkdir -p "$upstream/ui/dist/app"
  echo 'The web page is not part of this build.' >"$upstream/ui/dist/app/index.html"
  touch "$1/complete"
}

# build_binary NAME CACHE: builds the binary elsewhere and then moves it into place, so that the cache never has an incomplete one.
build_binary() {
  local name=$1 cache=$2 folder package
  read -r folder package <<<"$(binary_package "$name")"
  folder="$ROOT/dev/cluster/$folder"
  local flags=(-trimpath -buildvcs=false)
  case $name in
    workflow-controller | argoexec | argo)
      folder="$cache/work/argo-workflows"
      vendor_argo_workflows "$folder"
      flags+=(-mod=vendor)
      ;;
    *) flags+=(-mod=readonly) ;;
  esac
  (cd "$folder" && GOFLAGS='' CGO_ENABLED=0 timeout --foreground 3600 nice go build "${flags[@]}" \
    -ldflags="-s -w $(binary_version "$name")" -o "$cache/work/$name" "$package") >&2 || return 1
  mv "$cache/work/$name" "$cache/bin/$name"
}

# module_dir FOLDER MODULE: prints the folder of the module's files and downloads them if necessary.
module_dir() {
  (cd "$ROOT/dev/cluster/modules/$1" && timeout --foreground 600 go mod download -json "$2" | jq -er .Dir)
}

# copy_manifests CACHE: copies upstream's install manifests out of the modules.
copy_manifests() {
  local events workflows new="$1/work/manifests"
  events=$(module_dir argo-events github.com/argoproj/argo-events)
  workflows=$(module_dir argo-workflows github.com/argoproj/argo-workflows/v3)
  rm -rf "$new"
  mkdir -p "$new"/{crds,events,workflows}
  cp "$events"/manifests/base/crds/argoproj.io_*.yaml "$workflows"/manifests/base/crds/minimal/argoproj.io_*.yaml "$new/crds/"
  cp "$events"/manifests/base/argo-events-sa.yaml "$events"/manifests/namespace-install/rbac/argo-events-role*.yaml \
    "$events"/manifests/base/controller-manager/controller-config.yaml "$new/events/"
  cp "$workflows"/manifests/base/workflow-controller/workflow-controller-{sa,configmap}.yaml \
    "$workflows"/manifests/namespace-install/workflow-controller-rbac/workflow-controller-role*.yaml "$new/workflows/"
  chmod -R u+w "$new"
  rm -rf "$1/manifests"
  mv -T "$new" "$1/manifests"
}
