# shellcheck shell=bash
# The recipe of the images in the cache: docker archives with one layer, assembled with tar. Sourced by dev/cluster/build, never run.
#
# Any change in this file except in comments changes the cache's name (see recipe_hash).

readonly IMAGES=(pause argo-events argoexec steps)

# steps_image: the full name of the steps image.
steps_image() {
  echo "$STEPS_IMAGE_NAME:$(recipe_hash)"
}

# image_reference NAME: the name by which pods refer to an image.
image_reference() {
  case $1 in
    pause) echo "$PAUSE_IMAGE" ;;
    argo-events) echo "$ARGO_EVENTS_IMAGE" ;;
    argoexec) echo "$ARGOEXEC_IMAGE" ;;
    steps) steps_image ;;
  esac
}

# build_image NAME CACHE: moves the archive into place only when it is complete.
build_image() {
  local name=$1 cache=$2 work="$2/work/image-$1"
  rm -rf "$work"
  mkdir -p "$work/archive"
  case $name in
    steps) steps_layer "$work" ;;
    *) binary_layer "$name" "$cache" "$work" ;;
  esac
  pack_image "$name" "$work/archive"
  tar -C "$work/archive" -cf "$work/image.tar" manifest.json config.json layer.tar
  mv "$work/image.tar" "$cache/images/$name.tar"
  rm -rf "$work"
}

# binary_layer NAME CACHE WORK: a layer with one static binary, /tmp and the machine's CA certificates.
binary_layer() {
  local root="$3/root"
  mkdir -p "$root"/{bin,etc/ssl/certs,tmp}
  chmod 1777 "$root/tmp"
  cp "$2/bin/$1" "$root/bin/$1"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  tar -C "$root" --owner=0 --group=0 --numeric-owner -cf "$3/archive/layer.tar" .
}

# steps_layer WORK: a layer with a small Debian and the tools that the steps use. mmdebstrap runs in its own mount namespace and writes
# into WORK, so that nothing of it remains, even if it fails.
steps_layer() {
  local log="$1/mmdebstrap.log"
  TMPDIR="$1" timeout --foreground 1200 unshare --mount --propagation private -- nice mmdebstrap --quiet --mode=root --variant=essential --include="$STEPS_PACKAGES" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$DEBIAN_SUITE" "$1/archive/layer.tar" >"$log" 2>&1 || die "mmdebstrap failed: $(tail -5 "$log")"
}

# pack_image NAME ARCHIVE: writes the two JSON files that turn a layer into an image.
pack_image() {
  local config='{}' layer
  layer=$(sha256sum "$2/layer.tar" | cut -d' ' -f1)
  case $1 in
    steps) config='{"Cmd":["bash"]}' ;;
    *) config=$(printf '{"Entrypoint":["/bin/%s"]}' "$1") ;;
  esac
  jq -n --arg arch "$(machine_arch)" --arg layer "sha256:$layer" --argjson config "$config" '{
    architecture: $arch, os: "linux",
    config: ($config + {Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], WorkingDir: "/"}),
    rootfs: {type: "layers", diff_ids: [$layer]}
  }' >"$2/config.json"
  jq -n --arg name "$(image_reference "$1")" '[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' >"$2/manifest.json"
}
