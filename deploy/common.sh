# SPDX-License-Identifier: Apache-2.0
# Shared by the set-up scripts: sourced, not run. Needs bash; expects `root` to be the checkout.

say() { printf '==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Names of a package list without comments.
package_names() { sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$@"; }

# need_packages LIST...: installs the Debian packages of the lists that are missing.
need_packages() {
    command -v dpkg-query >/dev/null || die "this script installs Debian packages and found no dpkg; install what $* name by other means"
    local missing=() name
    for name in $(package_names "$@"); do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    local as=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "run as root, or install sudo, or install by hand: ${missing[*]}"
        as=(sudo)
    fi
    local log; log=$(mktemp)
    if ! { "${as[@]}" apt-get update && "${as[@]}" env DEBIAN_FRONTEND=noninteractive \
           apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt-get failed (whole log: $log)"
    fi
    rm -f "$log"
}

# need_models: a verified models folder in $DOCPARSE_MODELS (given, or build/models).
need_models() {
    export DOCPARSE_MODELS="${DOCPARSE_MODELS:-$root/build/models}"
    "$root/deploy/models.sh" "$DOCPARSE_MODELS"
}

# build_preset NAME [cmake options...]: configures and builds build/NAME.
build_preset() {
    local preset=$1 log; shift
    log=$(mktemp)
    say "building ($preset)"
    if ! { cd "$root" && cmake --preset "$preset" "$@" && cmake --build --preset "$preset"; } >"$log" 2>&1; then
        grep -E 'error|warning|Error' -A4 "$log" | head -n 60 >&2
        die "the build failed (whole log: $log)"
    fi
    rm -f "$log"
}
