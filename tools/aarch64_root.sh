#!/usr/bin/env bash
# Unpacks an arm64 Python of Debian 12, with its libraries and llvmlite, into a folder: what `qemu-aarch64 -L FOLDER` runs.
#
#     tools/aarch64_root.sh FOLDER
#
# Needs apt, dpkg-deb and pip; changes nothing outside of FOLDER.  For the long tests of aarch64: see CONTRIBUTING.md.
set -euo pipefail
root=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$root" "$work"/{state/lists/partial,cache/archives/partial}
touch "$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" \
    >"$work/sources.list"
apt=(
    apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root
    -o Dir::State="$work/state" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache"
    -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Acquire::Languages=none
)
"${apt[@]}" update
"${apt[@]}" install --yes --no-install-recommends --download-only python3.11 libstdc++6
for package in "$work"/cache/archives/*.deb; do
    dpkg-deb --extract "$package" "$root"
done

version=$(python3 -c 'from importlib.metadata import version; print(version("llvmlite"))')
pip --quiet --disable-pip-version-check install --target "$root/usr/lib/python3/dist-packages" --no-deps --upgrade \
    --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
    --python-version 3.11 --implementation cp --only-binary=:all: "llvmlite==$version"
