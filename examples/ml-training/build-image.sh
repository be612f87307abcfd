#!/bin/sh
# Builds the image homie-ml-demo:1 from Debian's own packages; no image is pulled. A minute or two, and 800 MB of disk.
#
#   sudo ./build-image.sh [NAME]
#
# Needs Debian or Ubuntu, root, debootstrap, and the engine that homie uses. SUITE and MIRROR may be set.
set -eu

image=${1:-homie-ml-demo:1}
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}

for program in debootstrap docker tar; do
  command -v "$program" >/dev/null || { echo "error: $program is missing; apt-get install it" >&2; exit 1; }
done
[ "$(id -u)" -eq 0 ] || { echo "error: debootstrap needs root" >&2; exit 1; }
docker version >/dev/null

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM

debootstrap --variant=minbase --include=python3,python3-sklearn "$suite" "$root" "$mirror"

# What no program reads: half of the download is still there otherwise.
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/log/* \
  "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/*

tar -C "$root" --one-file-system -c . | docker import --change 'ENV PYTHONDONTWRITEBYTECODE=1' - "$image" >/dev/null
echo "built $image; now: homie env create ml-demo --image $image"
