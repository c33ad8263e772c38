#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes unicode_tables.c, the character data the tokenizer needs.

Usage: make_unicode.py OUT.c     needs the Python package unicodedata2 16.0.0 and perl

The reference tokenizer splits by the letters and numbers of Unicode 16, but normalises by an older library that
knows the characters of Unicode 9 only. Both are followed: normalisation data is cut to what Unicode 9 holds (perl
knows the version in which a character appeared)."""
import subprocess
import sys

import unicodedata2 as ud

LAST = 0x110000
HANGUL = range(0xAC00, 0xAC00 + 11172)


def present_in_9():
    script = r'for my $c (0..0x10FFFF) { next if $c >= 0xD800 && $c < 0xE000; print "$c\n" if chr($c) =~ /\p{Present_In: 9.0}/ }'
    out = subprocess.run(["perl", "-e", script], check=True, capture_output=True, text=True).stdout
    return {int(line) for line in out.split()}


def runs(value_of):
    """Start of every run of equal values."""
    out, last = [], None
    for c in range(LAST):
        value = value_of(c)
        if value != last:
            out.append((c, value))
            last = value
    return out


def char_class(c):
    if 0xD800 <= c < 0xE000:
        return 0
    ch = chr(c)
    kind = ud.category(ch)[0]
    if kind == "L":
        return 1
    if kind == "N":
        return 2
    return 3 if c in (0x20, 0x85, 0xA0) or 9 <= c <= 13 or ud.category(ch) in ("Zs", "Zl", "Zp") else 0


def decompositions(known):
    out = []
    for c in sorted(known):
        text = ud.decomposition(chr(c))
        if text and not text.startswith("<") and c not in HANGUL:
            parts = [int(p, 16) for p in text.split()]
            out.append((c, parts[0], parts[1] if len(parts) > 1 else 0))
    return out


def composes(entry):
    """Whether a pair becomes c again: excluded characters and singletons do not."""
    c, a, b = entry
    return b != 0 and ud.normalize("NFC", chr(a) + chr(b)) == chr(c)


def emit(f, declaration, numbers, width, per_line):
    f.write(f"const {declaration} = {{\n")
    for i in range(0, len(numbers), per_line):
        f.write("    " + ", ".join(f"0x{n:0{width}x}" for n in numbers[i:i + per_line]) + ",\n")
    f.write("};\n")


def main():
    if ud.unidata_version != "16.0.0":
        sys.exit("needs unicodedata2 16.0.0")
    known = present_in_9()
    classes = [c << 2 | v for c, v in runs(char_class)]
    ccc = [c << 8 | v for c, v in runs(lambda c: ud.combining(chr(c)) if c in known else 0)]
    pairs = decompositions(known)
    order = sorted((i for i, p in enumerate(pairs) if composes(p)), key=lambda i: pairs[i][1:])
    with open(sys.argv[1], "w", encoding="ascii", newline="\n") as f:
        f.write("/* SPDX-License-Identifier: Apache-2.0 */\n"
                "/* Character data of Unicode (classes: version 16.0, normalisation: version 9.0), written by\n"
                " * tools/make_unicode.py. The layout is explained in unicode_private.h. */\n"
                '#include "engine/qwen25vl/unicode_private.h"\n\n/* clang-format off */\n')
        for name, values in (("class", classes), ("ccc", ccc)):
            f.write(f"const size_t eng_uni_{name}_count = {len(values)};\n")
            emit(f, f"uint32_t eng_uni_{name}[]", values, 8, 10)
        f.write(f"const size_t eng_uni_pair_count = {len(pairs)};\n")
        f.write("const uint32_t eng_uni_pairs[][3] = {\n")
        for i in range(0, len(pairs), 5):
            f.write("    " + ", ".join("{0x%x,0x%x,0x%x}" % p for p in pairs[i:i + 5]) + ",\n")
        f.write("};\n")
        f.write(f"const size_t eng_uni_compose_count = {len(order)};\n")
        emit(f, "uint16_t eng_uni_compose[]", order, 4, 14)


if __name__ == "__main__":
    main()
