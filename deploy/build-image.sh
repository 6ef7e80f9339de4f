#!/bin/sh
# Builds the image: deploy/build-image.sh [NAME], by docker, podman or buildah, the first that works here.
# PYTHON_IMAGE=… names another base with Python.
set -eu
cd "$(dirname "$0")/.."
name=${1:-medianest}
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' medianest/__init__.py)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
for engine in docker podman buildah; do
  "$engine" info >/dev/null 2>&1 || continue
  set -- --tag "$name" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
    ${PYTHON_IMAGE:+--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"}
  # Only docker's format has health checks; docker itself knows no other.
  [ "$engine" = docker ] || set -- --format docker "$@"
  echo "$engine builds $name $version"
  exec "$engine" build "$@" .
done
echo "no docker, podman or buildah works here: install one, or start its daemon" >&2
exit 1
