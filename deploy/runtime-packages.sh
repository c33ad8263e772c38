#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages that a built program needs on a machine without the build: deploy/runtime-packages.sh PROGRAM
# Asked of the program's own library list, so that it cannot fall behind; poppler-data is opened by name at run time.
set -euo pipefail
program=$1
mapfile -t libraries < <(ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | xargs -r readlink -f | sort -u)
# Packages may list a library below /lib or below /usr/lib: the same folder since Debian 12. Asked for both, one is unknown.
owners=$(dpkg-query -S "${libraries[@]}" "${libraries[@]#/usr}" 2>/dev/null || true)
for library in "${libraries[@]}"; do
    [[ $'\n'$owners$'\n' =~ ": $library"$'\n' || $'\n'$owners$'\n' =~ ": ${library#/usr}"$'\n' ]] ||
        { echo "no package owns $library" >&2; exit 1; }
done
cut -d: -f1 <<<"$owners" | sort -u
echo poppler-data
