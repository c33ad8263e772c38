# SPDX-License-Identifier: Apache-2.0
"""Formulas that people wrote, typeset and read: score.py CHECKPOINT_DIR BENCH_FORMULAS FORMULAS [--docparse PROGRAM]

FORMULAS: a text file with one formula a line, or an OmniDocBench ground truth (.json), whose display formulas are taken. Each is set
in Computer Modern (trained) and STIX 2 (not trained), clean and as from a scan. Prints exact matches and the normalised edit distance over
canonical tokens; with --docparse also what the compact reader alone makes of the same pictures (their text against the formula).
"""
import argparse
import json
import os
import subprocess
import tempfile

import numpy as np
from PIL import Image

import tokens as tk
from data import UNIT, canvas, clear
from parity import engine, score
from tokens import latex

import noise
import render


def formulas_of(path):
    if path.endswith(".json"):
        with open(path) as f:
            found = [d["latex"] for page in json.load(f) for d in page["layout_dets"] if d.get("category_type") == "equation_isolated" and d.get("latex")]
    else:
        with open(path) as f:
            found = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    return [s.strip().strip("$").strip() for s in found]


def on_canvas(picture):
    """As docparse/formula_picture.c: at most 28 x 7 units, white paper, in the middle."""
    f = min(1.0, (28 * UNIT - 8) / picture.shape[1], (7 * UNIT - 8) / picture.shape[0])
    if f < 1:
        picture = np.asarray(Image.fromarray(picture).resize((max(1, int(picture.shape[1] * f)), max(1, int(picture.shape[0] * f))), Image.Resampling.BICUBIC))
    h, w = picture.shape
    out = np.full((canvas(h + 8) * UNIT, canvas(w + 8) * UNIT), 255, np.uint8)
    y, x = (out.shape[0] - h) // 2, (out.shape[1] - w) // 2
    out[y:y + h, x:x + w] = clear(picture)
    return out


def texts_of(program, pictures, folder):
    """The compact reader's text of each picture with white around it. What it cannot read counts as nothing (and the run as failed)."""
    paths, out = [], []
    for i, picture in enumerate(pictures):
        page = np.full((picture.shape[0] + 80, picture.shape[1] + 80), 255, np.uint8)
        page[40:-40, 40:-40] = picture
        paths.append(os.path.join(folder, "p%d.png" % i))
        Image.fromarray(page).resize((page.shape[1] * 2, page.shape[0] * 2), Image.Resampling.BICUBIC).save(paths[-1])
    run = subprocess.run([program, "convert", *paths, "-o", folder, "-f", "text", "--progress", "none"], capture_output=True, text=True)
    if run.returncode not in (0, 1):
        raise SystemExit(run.stderr)
    for path in paths:
        text = path[:-4] + ".txt"
        out.append([c for c in open(text).read() if not c.isspace()] if os.path.exists(text) else [])
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("folder")
    ap.add_argument("program")
    ap.add_argument("formulas")
    ap.add_argument("--docparse")
    ap.add_argument("--precision", default="int8")
    ap.add_argument("--show", action="store_true")
    a = ap.parse_args()
    sources = formulas_of(a.formulas)
    for font in ("cm", "stix"):
        table = dict(render.TRAIN, **render.TEST)
        drawn = render.render([(s, "\\displaystyle") for s in sources], table[font], [23.0] * len(sources))
        pairs = [(s, p[0]) for s, p in zip(sources, drawn) if p]
        for kind in ("clean", "scan"):
            rng = np.random.default_rng(7)
            pictures = [noise.degrade(p, rng) if kind == "scan" else p for _, p in pairs]
            wanted = [latex.canonical(s) for s, _ in pairs]
            with tempfile.TemporaryDirectory() as folder:
                paths = []
                for i, p in enumerate(pictures):
                    c = on_canvas(p)
                    paths.append(os.path.join(folder, "%d.pgm" % i))
                    with open(paths[-1], "wb") as f:
                        f.write(b"P5 %d %d 255\n" % (c.shape[1], c.shape[0]) + c.tobytes())
                got, sure, _ = engine(a.program, a.folder, a.precision, paths, 2)
                got = [tk.tokens_of(ids) for ids in got]
                line = "%s %s: %d formulas, exact %.3f, edit %.3f" % (font, kind, len(pairs), *score(got, wanted))
                shown = [i for i in range(len(pairs)) if np.exp(sure[i]) >= .5]
                if shown:
                    line += "; %d sure, of these exact %.3f, edit %.3f" % (len(shown), *score([got[i] for i in shown], [wanted[i] for i in shown]))
                if a.docparse:
                    line += "; text of the compact reader: edit %.3f" % score(texts_of(a.docparse, pictures, folder), wanted)[1]
                print(line, flush=True)
                if a.show:
                    for g, w, p in zip(got, wanted, sure):
                        print("   %.2f %s   |   %s" % (np.exp(p), latex.source_of(g), latex.source_of(w)))


if __name__ == "__main__":
    main()
