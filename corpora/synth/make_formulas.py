# SPDX-License-Identifier: Apache-2.0
"""Writes shards of formula pictures: make_formulas.py OUT --level 0|1|2 --shards N [--first K] [--fonts train|test]

A shard is an .npz: pixels (all pictures, uint8, one after the other), sizes (height, width), tokens and token_ends (ids of
latex.VOCABULARY), glyphs (code, x, y) and glyph_ends, font. What is in shard K of a level depends on nothing else.
Needs pdflatex, numpy, Pillow and pypdfium2.
"""
import argparse
import os
import random
import sys

import numpy as np
from PIL import Image

import grammar
import latex
import noise
import render

# level: least, most and median tokens of a formula
LEVELS = {0: (1, 8, 3), 1: (1, 24, 8), 2: (1, 56, 13)}
EM = (19.0, 28.0)         # pixels of an em: what the reader brings a region to, give or take a fifth
LARGEST = (196, 784)      # a picture's largest height and width; larger ones are made smaller, down to:
SMALLEST_SCALE = .7
IDS = {t: i for i, t in enumerate(latex.VOCABULARY)}


def fitted(picture, glyphs):
    """Makes a large picture fit, or gives None."""
    h, w = picture.shape
    f = min(1, LARGEST[0] / h, LARGEST[1] / w)
    if f == 1:
        return picture, glyphs
    if f < SMALLEST_SCALE:
        return None
    size = (max(1, int(w * f)), max(1, int(h * f)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)), [(c, x * f, y * f) for c, x, y in glyphs]


def make(level, number, fonts, count, seed, only=()):
    rng = random.Random("%s/%d/%d" % (seed, level, number))
    grain = np.random.default_rng(rng.getrandbits(63))
    table = render.TRAIN if fonts == "train" else render.TEST
    names, low, high, median = [n for n in sorted(table) if not only or n in only], *LEVELS[level]
    pixels, sizes, tokens, token_ends, glyphs, glyph_ends, font = [], [], [], [0], [], [0], []
    weights = [3 if n in ("cm", "lm", "times") else 1 for n in names]
    for name, n in ((n, count * w // sum(weights)) for n, w in zip(names, weights)):
        made = [grammar.one(rng, low, high, median) for _ in range(n)]
        styles = ["\\displaystyle" if rng.random() < .85 else "" for _ in made]
        ems = [rng.uniform(*EM) for _ in made]
        for (source, ids), got in zip(made, render.render([(s, y) for (s, _), y in zip(made, styles)], table[name], ems)):
            got = got and fitted(*got)
            if not got:
                continue
            picture = noise.degrade(got[0], grain)
            pixels.append(np.ascontiguousarray(picture).ravel())
            sizes.append(picture.shape)
            tokens += [IDS[t] for t in ids]
            token_ends.append(len(tokens))
            glyphs += got[1]
            glyph_ends.append(len(glyphs))
            font.append(names.index(name))
    return dict(pixels=np.concatenate(pixels), sizes=np.array(sizes, np.int32), tokens=np.array(tokens, np.uint16),
                token_ends=np.array(token_ends, np.int64), glyphs=np.array(glyphs, np.float32).reshape(-1, 3),
                glyph_ends=np.array(glyph_ends, np.int64), font=np.array(font, np.uint8), names=np.array(names))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out")
    ap.add_argument("--level", type=int, choices=LEVELS, default=2)
    ap.add_argument("--shards", type=int, default=1)
    ap.add_argument("--first", type=int, default=0)
    ap.add_argument("--count", type=int, default=2000, help="formulas a shard, about")
    ap.add_argument("--fonts", choices=("train", "test"), default="train")
    ap.add_argument("--only", nargs="*", default=(), help="of the fonts")
    ap.add_argument("--seed", default="formulas")
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    for k in range(a.first, a.first + a.shards):
        path = os.path.join(a.out, "%s-%d-%05d.npz" % (a.fonts, a.level, k))
        if os.path.exists(path):
            continue
        shard = make(a.level, k, a.fonts, a.count, a.seed + "/" + a.fonts, a.only)
        with open(path + ".part", "wb") as f:
            np.savez(f, **shard)
        os.rename(path + ".part", path)
        print(path, len(shard["sizes"]), file=sys.stderr)


if __name__ == "__main__":
    main()
