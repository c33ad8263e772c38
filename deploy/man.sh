#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manual page from deploy/docparse.1.in and the program's own --help texts, so that both always agree:
# deploy/man.sh PROGRAM OUT
set -euo pipefail
program=$1 out=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$("$program" version | cut -d' ' -f2)

# help_of COMMAND: its --help as roff. "Usage:" becomes the synopsis, "  -x, --long VALUE  text" a tagged paragraph,
# "Title:" a subsection, two-space lines without a dash stay as they are.
help_of() {
    "$program" "$1" --help | awk '
        function roff(s) { gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s); if (s ~ /^[.\x27]/) s = "\\&" s; return s }
        function text(s) { sub(/^ +/, "", s); print roff(s) }
        /^Usage: / { sub(/^Usage: /, ""); print ".PP\n.B " roff($0) "\n.PP"; next }
        /^ +-/ {
            sub(/^ +/, ""); at = match($0, /  +/)
            print ".TP\n.B " roff(at ? substr($0, 1, at - 1) : $0)
            if (at) text(substr($0, at + RLENGTH))
            tagged = 1; plain = 0; next
        }
        /^[A-Z][^.]*:$/ { sub(/:$/, ""); print ".SS " roff($0); tagged = 0; plain = 0; next }
        /^$/ { if (plain) print ".fi"; plain = 0; tagged = 0; print ".PP"; next }
        /^        / && tagged { if ($0 ~ /\(\.[a-z.-]+\)$/) print ".br"; text($0); next }
        /^  / { if (!plain) print ".nf"; plain = 1; sub(/^  /, ""); print roff($0); next }
        { if (plain) print ".fi"; plain = 0; print roff($0) }
        END { if (plain) print ".fi" }'
}

commands() { "$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p'; }

while IFS= read -r line; do
    case $line in
        @COMMANDS@)
            "$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\{1,\}\)  *\(.*\)/.TP\n.B \1\n\2/p' ;;
        @HELP@)
            for command in $(commands); do
                printf '.SH DOCPARSE %s\n' "${command^^}"
                help_of "$command"
            done ;;
        *) printf '%s\n' "${line//@VERSION@/$version}" ;;
    esac
done <"$here/docparse.1.in" >"$out.part"
mv "$out.part" "$out"
