#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole test suite on a bare Debian 12 machine: deploy/check.sh [PRESET...]
# Same set-up as quickstart.sh plus the tests' packages. Default presets: release, then asan (address and
# undefined-behaviour sanitizers). CI runs exactly this.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/deploy/common.sh"
case "${1:-}" in
    -h | --help) sed -n '3,5s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
esac
[ $# -gt 0 ] || set -- release asan

need_packages "$root/deploy/packages.txt" "$root/deploy/packages-test.txt"
need_models
status=0
for preset in "$@"; do
    build_preset "$preset" -DWERROR=ON
    say "testing ($preset)"
    (cd "$root" && ctest --preset "$preset" --no-tests=error -j "$(nproc)" --output-on-failure) || status=1
done
exit "$status"
