# SPDX-License-Identifier: Apache-2.0
"""A page of formulas in STIX 2 for tests/golden/test_formula_model.c: sheet.py FORMULAS OUT_FOLDER

sheet.png, and sheet.txt with a line each: em, box in pixels, LaTeX with every argument in braces (as docparse writes it)."""
import argparse
import os
import re

import numpy as np
from PIL import Image, ImageFilter

from tokens import latex

import render

TWO, ONE = {"\\frac", "\\binom", "\\overset", "\\underset"}, {"^", "_"}
WIDTH, EM = 1000, 30.0


def full(tokens):
    """Canonical tokens to LaTeX with every argument in braces."""
    at = 0

    def one():
        nonlocal at
        t = tokens[at]
        at += 1
        if t == "{":
            out = []
            while tokens[at] != "}":
                out.append(one())
            at += 1
            return "{" + join(out) + "}"
        n = 2 if t in TWO else 1 if t in ONE or t[1:] in latex.ARGUMENTS and t != "\\sqrt[" else 0
        for _ in range(n):
            a = one()
            t += a if a.startswith("{") else "{" + a + "}"
        return t

    def join(parts):
        out = ""
        for p in parts:
            out += (" " if re.search(r"\\[A-Za-z]+$", out) and re.match("[A-Za-z]", p) else "") + p
        return out
    parts = []
    while at < len(tokens):
        parts.append(one())
    return join(parts)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("formulas")
    ap.add_argument("out")
    a = ap.parse_args()
    with open(a.formulas) as f:
        sources = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    drawn = render.render([(s, "\\displaystyle") for s in sources], render.TEST["stix"], [EM] * len(sources))
    rng, rows, lines, x, y, high = np.random.default_rng(3), [], [], 20, 20, 0
    for source, got in zip(sources, drawn):
        if not got:
            continue
        picture = got[0]
        h, w = picture.shape
        if x + w + 20 > WIDTH:
            x, y, high = 20, y + high + 24, 0
        rows.append((x, y, picture))
        lines.append("%g %d %d %d %d %s" % (EM, x - 6, y - 6, x + w + 6, y + h + 6, full(latex.canonical(source))))
        x, high = x + w + 40, max(high, h)
    page = np.full((y + high + 20, WIDTH), 255, np.uint8)
    for x, y, picture in rows:
        page[y:y + picture.shape[0], x:x + picture.shape[1]] = picture
    page = np.asarray(Image.fromarray(page).filter(ImageFilter.GaussianBlur(.6)), np.float32) * .86 + 25
    page = (np.clip(page + rng.normal(0, 1.5, page.shape), 0, 255) / 8).astype(np.uint8) * 8 + 4  # few levels: a small file
    os.makedirs(a.out, exist_ok=True)
    Image.fromarray(page).convert("L").save(os.path.join(a.out, "sheet.png"), optimize=True)
    with open(os.path.join(a.out, "sheet.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
