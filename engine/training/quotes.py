#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learns to tell straight quotation marks from curled ones by their shape: makes engine/compact/quotes_net.inc.

usage: quotes.py make OUT FONT_DIR...         renders small pages in every fitting font below FONT_DIR, with marks of one kind each
       quotes.py patches OUT QUOTE_PATCHES MODELS   runs `quote_patches` on them
       quotes.py train OUT INC                trains, prints the scores on fonts unseen in training, writes INC

A page's name says which marks it shows, the text around a mark whether it opens or closes. Fonts are held out by
their family. Needs numpy, pillow, opencv-python-headless, fonttools.
"""
import glob, hashlib, os, random, subprocess, sys

import numpy as np

MARKS = (0x22, 0x27, 0x2018, 0x2019, 0x201C, 0x201D)
PER_FAMILY = 3
CLASSES = ("straight", "opening", "closing")
WORDS = ("the page of a book and its margin where lines begin and end so that every reader can tell one from another while "
         "paper yellows in light old type was cast in lead then set by hand later machines did it Typography has many "
         "customs Each country quotes its own way Some writers prefer single marks others double").split()


def families(folders):
    """Fonts that have all marks and letters, at most PER_FAMILY of a family: (family, path)."""
    from fontTools.ttLib import TTFont
    found = {}
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(folder, "**", "*.[ot]tf"), recursive=True)):
            try:
                font = TTFont(path, lazy=True)
                chars = font.getBestCmap() or {}
                family = font["name"].getDebugName(16) or font["name"].getDebugName(1) or os.path.basename(path)
            except Exception as e:  # fonts of every age lie about
                print("left out:", path, e, file=sys.stderr)
                continue
            if all(c in chars for c in MARKS) and all(ord(c) in chars for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,."):
                found.setdefault(family, []).append(path)
    rng = random.Random(1)
    return [(family, path) for family, paths in sorted(found.items()) for path in rng.sample(paths, min(PER_FAMILY, len(paths)))]


def held_out(family):
    return int(hashlib.sha256(family.encode()).hexdigest(), 16) % 5 == 0


def line_of(rng, curled):
    single = ("\u2018", "\u2019") if curled else ("'", "'")
    double = ("\u201c", "\u201d") if curled else ('"', '"')
    words = []
    for _ in range(rng.randint(7, 9)):
        word = rng.choice(WORDS)
        kind = rng.random()
        if kind < 0.15:
            word = double[0] + word + rng.choice(("", ",", ".")) + double[1]
        elif kind < 0.3:
            word = single[0] + word + single[1]
        elif kind < 0.45:
            word += single[1] + rng.choice("stdm")
        elif kind < 0.5:
            word = rng.choice("dlOL") + single[1] + word
        words.append(word)
    return " ".join(words)


def degrade(image, rng):
    import cv2
    kind = rng.random()
    out = image.astype(np.float32)
    noise = np.random.default_rng(rng.randrange(1 << 30))
    if kind < 0.3:
        return image
    if kind < 0.6:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.5, 1.1)) * rng.uniform(0.7, 0.95) + rng.uniform(0, 20)
        out += noise.normal(0, rng.uniform(2, 9), out.shape)
    elif kind < 0.8:
        out = np.where(out + noise.normal(0, 14, out.shape) > rng.uniform(110, 170), 255, 0)
    else:
        h, w = image.shape
        shift = np.float32([[rng.uniform(-0.02, 0.02) * w, rng.uniform(-0.02, 0.02) * h] for _ in range(4)])
        corners = np.float32([[0, 0], [w, 0], [w, h], [0, h]])
        m = cv2.getPerspectiveTransform(corners, corners + shift)
        out = cv2.warpPerspective(out, m, (w, h), flags=cv2.INTER_CUBIC, borderValue=200)
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.7, 1.2)) * rng.uniform(0.6, 0.9) + noise.normal(0, 5, out.shape)
    out = np.clip(out, 0, 255).astype(np.uint8)
    return cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(50, 95)])[1], 0) if rng.random() < 0.6 else out


def make(out, folders):
    from PIL import Image, ImageDraw, ImageFont
    import cv2
    os.makedirs(out, exist_ok=True)
    fonts = families(folders)
    for i, (family, path) in enumerate(fonts):
        for curled in (0, 1):
            rng = random.Random(2 * i + curled)
            size = rng.choice((18, 21, 24, 28, 28, 32, 36, 42, 50))
            try:
                font = ImageFont.truetype(path, size)
                image = Image.new("L", (size * 34, size * 17), 255)
                draw = ImageDraw.Draw(image)
                for k in range(8):
                    draw.text((size * 1.5 + rng.random(), size * (1.5 + 1.8 * k) + rng.random()), line_of(rng, curled), 0, font)
            except OSError as e:
                print("left out:", path, e, file=sys.stderr)
                break
            name = "%04d-%s-%s.png" % (i, "curled" if curled else "straight", "test" if held_out(family) else "train")
            cv2.imwrite(os.path.join(out, name), degrade(np.asarray(image), rng))
    print(len(fonts), "fonts of", len({f for f, _ in fonts}), "families")


def patches(out, program, models):
    pages = sorted(glob.glob(os.path.join(out, "*.png")), key=lambda p: hashlib.sha256(p.encode()).hexdigest())  # any part of it is a fair sample
    with open(os.path.join(out, "patches.tsv"), "w") as f:
        for i in range(0, len(pages), 50):
            subprocess.run([program, models, *pages[i:i + 50]], stdout=f, check=True)


def load(out):
    """Inputs [n][192] in 0..1, classes, held out, line of each mark, whether it begins a word."""
    x, y, test, lines, begins = [], [], [], [], []
    for row in open(os.path.join(out, "patches.tsv")):
        page, line, _, _, before, behind, _, ink = row.rstrip("\n").split("\t")
        name = os.path.basename(page)
        opens = chr(int(before)) in " ([\"'" and chr(int(behind)).isalnum()
        x.append(np.frombuffer(bytes.fromhex(ink), np.uint8))
        y.append(0 if "straight" in name else 1 if opens else 2)
        test.append("test" in name)
        lines.append(name + line)
        begins.append(opens)
    return np.array(x, np.float32) / 255, np.array(y), np.array(test), np.array(lines), np.array(begins)


def shifted(x, rng):
    """One column or row aside, lighter or darker: marks never lie exactly in the middle."""
    out = np.roll(x.reshape(-1, 16, 12), (rng.integers(-1, 2), rng.integers(-1, 2)), (1, 2)).reshape(x.shape)
    return np.clip(out * rng.uniform(0.85, 1.15), 0, 1)


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def forward(net, x):
    hidden = np.maximum(x @ net["w1"].T + net["b1"], 0)
    return hidden, softmax(hidden @ net["w2"].T + net["b2"])


def gradients(net, x, y):
    hidden, p = forward(net, x)
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    back = (d @ net["w2"]) * (hidden > 0)
    return {"w2": d.T @ hidden, "b2": d.sum(0), "w1": back.T @ x, "b1": back.sum(0)}


def fit(x, y, hidden=32, epochs=250, decay=5e-4):
    rng = np.random.default_rng(1)
    net = {"w1": rng.normal(0, 0.1, (hidden, x.shape[1])), "b1": np.zeros(hidden), "w2": rng.normal(0, 0.3, (3, hidden)), "b2": np.zeros(3)}
    m, v, t = {k: 0 for k in net}, {k: 0 for k in net}, 0
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        for at in range(0, len(x), 128):
            some, t = order[at:at + 128], t + 1
            g = gradients(net, shifted(x[some], rng), y[some])
            for k in net:
                if k[0] == "w":
                    g[k] = g[k] + decay * net[k]
                m[k], v[k] = 0.9 * m[k] + 0.1 * g[k], 0.999 * v[k] + 0.001 * g[k] ** 2
                net[k] = net[k] - 2e-3 * (1 - epoch / epochs) * (m[k] / (1 - 0.9 ** t)) / (np.sqrt(v[k] / (1 - 0.999 ** t)) + 1e-8)
    return net


def quantised(net):
    """First layer in 8 bits, one scale a row."""
    scale = np.abs(net["w1"]).max(1) / 127
    whole = np.round(net["w1"] / scale[:, None])
    return {**net, "w1": whole * scale[:, None]}, whole.astype(int), scale


def report(name, p, y, lines, begins):
    """As eng_quotes_settle decides."""
    p = p + 1e-4
    odds = np.where(begins, np.log(p[:, 1] / (p[:, 0] + p[:, 2])), 0.5 * np.log((p[:, 1] + p[:, 2]) / p[:, 0]))
    of = {}
    for o, line in zip(odds, lines):
        of[line] = of.get(line, 0) + o
    curled = np.array([of[line] > 0 for line in lines])
    opens = (p[:, 1] > p[:, 2])[y > 0] == (y == 1)[y > 0]
    print("%-10s %6d marks, right alone %.4f, by line %.4f (straight taken for curled %.4f, curled for straight %.4f), direction %.4f" % (
        name, len(y), np.mean((odds > 0) == (y > 0)), np.mean(curled == (y > 0)), np.mean(curled[y == 0]), np.mean(~curled[y > 0]), np.mean(opens)))


def train(out, inc):
    x, y, test, lines, begins = load(out)
    net, whole, scale = quantised(fit(x[~test], y[~test]))
    report("training", forward(net, x[~test])[1], y[~test], lines[~test], begins[~test])
    report("held out", forward(net, x[test])[1], y[test], lines[test], begins[test])
    with open(inc, "w") as f:
        f.write("/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by engine/training/quotes.py: do not edit. */\n")
        f.write("#define HIDDEN %d\n" % len(whole))
        f.write("static const int8_t w1[HIDDEN][ENG_QUOTE_ROWS * ENG_QUOTE_COLUMNS] = {\n")
        for row in whole:
            cells = [str(v) for v in row]
            f.write("    {" + ",\n     ".join(", ".join(cells[i:i + 24]) for i in range(0, len(cells), 24)) + "},\n")
        f.write("};\n")
        for name, shape, values in (("scale1", "HIDDEN", scale), ("b1", "HIDDEN", net["b1"]), ("b2", "3", net["b2"])):
            f.write("static const float %s[%s] = {%s};\n" % (name, shape, ", ".join("%.6ff" % v for v in values)))
        f.write("static const float w2[3][HIDDEN] = {\n")
        for row in net["w2"]:
            f.write("    {%s},\n" % ", ".join("%.5ff" % v for v in row))
        f.write("};\n")


def main():
    if len(sys.argv) > 3 and sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3:])
    elif len(sys.argv) == 5 and sys.argv[1] == "patches":
        patches(*sys.argv[2:])
    elif len(sys.argv) == 4 and sys.argv[1] == "train":
        train(*sys.argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
