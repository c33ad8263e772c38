#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a bare Debian 12 machine to a converted document: deploy/quickstart.sh [FILE...]
# Installs missing Debian packages, fetches and verifies the models, builds, and converts FILE (default:
# a sample page of this repository) to build/out. A second run takes seconds.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/deploy/common.sh"
case "${1:-}" in
    -h | --help) sed -n '3,5s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
esac

inputs=()
for file in "$@"; do
    [ -e "$file" ] || die "there is no file $file"
    inputs+=("$(realpath "$file")")
done
[ ${#inputs[@]} -gt 0 ] || inputs=("$root/corpora/samples/report.pdf")

need_packages "$root/deploy/packages.txt"
need_models
build_preset release
program=$root/build/release/bin/docparse
out=$root/build/out
say "docparse convert ${inputs[*]} -o $out"
status=0
"$program" convert "${inputs[@]}" -o "$out" || status=$?
say "results in $out:"
find "$out" -maxdepth 1 -type f -newer "$program" -printf '    %f\n' | sort
say "the program: $program --help"
exit "$status"
