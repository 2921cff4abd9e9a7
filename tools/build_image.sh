#!/usr/bin/env bash
# Builds docker/Dockerfile where there is no Docker engine and no image registry: a stand-in for
# python:3.11-slim is made from Debian packages, then buildah builds on it without a daemon (as root).
# Run from the root of the repository; 'make image' does.
set -euo pipefail
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
base=docker.io/library/python:3.11-slim
if ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
  apt-get update -qq && apt-get install -y -qq buildah debootstrap >/dev/null
fi
if ! buildah images --format '{{.Name}}:{{.Tag}}' | grep -qx "$base"; then
  root=$(mktemp -d); trap 'rm -rf "$root"' EXIT
  mirror=$(grep -hm1 '^URIs:' /etc/apt/sources.list.d/*.sources | awk '{print $2}')
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" "$mirror" >/dev/null
  ln -s /usr/bin/python3 "$root/usr/local/bin/python"
  container=$(buildah from scratch); buildah copy -q "$container" "$root" / >/dev/null
  buildah commit -q "$container" "$base" >/dev/null; buildah rm "$container" >/dev/null
fi
# What pip needs here to reach its registry: its configuration, certificates and name resolution of this machine.
mounts=(-v /etc/resolv.conf:/etc/resolv.conf:ro)
[ -f /etc/pip.conf ] && mounts+=(-v /etc/pip.conf:/etc/pip.conf:ro)
[ -n "${PIP_CERT:-}" ] && mounts+=(-v "$PIP_CERT:$PIP_CERT:ro")
buildah bud --format docker --pull-never --layers=false "${mounts[@]}" -t drifthomer -f docker/Dockerfile .
# Then: c=$(buildah from --pull-never localhost/drifthomer); buildah run "$c" -- drifthomer prequential yeast; buildah rm "$c"
