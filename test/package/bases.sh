#!/usr/bin/env bash
# The two bases of contrib/docker/Dockerfile from packages of Debian, for a machine that reaches no registry of images. Needs root, buildah,
# debootstrap, and Node with npm on this machine. test/package/image.test.ts builds the image where these bases are.
set -euo pipefail
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The first stage: Debian 12, a compiler, and the Node of this machine with its headers.
debootstrap --variant=minbase --include=ca-certificates,g++,make,python3 bookworm "$folder/build" >/dev/null
mkdir -p "$folder/build/usr/local/lib/node_modules" "$folder/build/usr/local/include"
node=$(readlink -f "$(command -v node)")
cp "$node" "$folder/build/usr/local/bin/node"
cp -r "$(dirname "$(dirname "$node")")/include/node" "$folder/build/usr/local/include/node"
cp -rL "$(npm root --global)/npm" "$folder/build/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$folder/build/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$folder/build/usr/local/bin/npx"

# The second stage: the C library, and what Node links to.
mkdir -p "$folder/run/tmp" "$folder/packages"
chmod 1777 "$folder/run/tmp"
packages=(base-files libc6 libgcc-s1 libstdc++6 netbase tzdata)
chroot "$folder/build" sh -c 'apt-get update -qq && cd /tmp && apt-get download -qq "$@"' sh "${packages[@]}"
for package in "$folder"/build/tmp/*.deb; do dpkg-deb -x "$package" "$folder/run"; done
rm "$folder"/build/tmp/*.deb

for stage in build run; do
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$folder/$stage" / >/dev/null
  buildah commit --quiet "$container" "localhost/wtclient-$stage" >/dev/null
  buildah rm "$container" >/dev/null
done
