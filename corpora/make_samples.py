#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the sample documents in corpora/samples from corpora/src: make_samples.py [--check]

Typesets with pdflatex (texlive-latex-extra, texlive-pictures, lmodern) and weasyprint (fonts-liberation, fonts-dejavu,
fonts-noto-cjk), rasterises with pdftoppm, degrades with numpy and Pillow (python3-numpy, python3-pil): all Debian packages,
needed only to make the samples again. Writes corpora/manifest.jsonl with one line a document: origin, licence, sha256, expected
counts. --check compares the files with the manifest and makes nothing (needs Python only).
"""
import hashlib, json, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SRC, OUT, MANIFEST = (os.path.join(HERE, n) for n in ("src", "samples", "manifest.jsonl"))
ENV = dict(os.environ, SOURCE_DATE_EPOCH="1735689600", FORCE_SOURCE_DATE="1", TZ="UTC", LC_ALL="C.UTF-8")

# file -> (made from, what it shows, expected counts, phrases that must be read)
SAMPLES = {
    "report.pdf": ("src/report.tex", "born-digital report with two tables and a bar chart", {"pages": 2, "tables": 2, "figures": 1, "headings": 6},
                   ["Water use of the town of Arnsholt, 2024", "Public buildings", "connect the hamlet of Lund"]),
    "paper.pdf": ("src/paper.tex", "two-column paper with display formulas", {"pages": 1, "formulas": 6, "columns": 2},
                  ["On the settling of small particles in stratified tanks", "two-bucket method"]),
    "scan.tif": ("src/report.tex, src/invoice.html", "three pages as an office scanner in fax mode stores them (G4, 200 dpi, slightly skewed)", {"pages": 3},
                 ["Annual report 2024", "Hex key set, long, 9 pieces"]),
    "photo.jpg": ("src/form.html", "a page photographed by hand: perspective, uneven light, noise", {"pages": 1},
                  ["Application for a reader's card", "MAREN ELISE"]),
    "chinese.png": ("src/chinese.html", "Chinese page with a ruled table, 150 dpi", {"pages": 1, "tables": 1}, ["城市供水年度报告", "二、分行业用水量"]),
    "form.pdf": ("src/form.html", "filled form", {"pages": 1}, ["Application for a reader's card", "27.08.1991"]),
    "invoice.pdf": ("src/invoice.html", "invoice with a ruled table and spans", {"pages": 1, "tables": 1}, ["No. 2025-0417", "564.06"]),
    "newspaper.png": ("src/newspaper.html", "newspaper page, four columns, small print, 130 dpi grey", {"pages": 1, "columns": 4},
                      ["Bridge over the Elm opens a year early", "Season tickets remain valid"]),
    "letter.webp": ("src/invoice.html", "page turned by 90 degrees, WebP", {"pages": 1}, ["Workshop Brandt & Daughters", "Payable within 30 days"]),
}


def run(*args, **kw):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENV, **kw)


def typeset(work):
    for name in ("report", "paper"):
        for _ in range(2):
            run("pdflatex", "-interaction=batchmode", "-halt-on-error", "-output-directory", work, os.path.join(SRC, name + ".tex"))
    for name in ("invoice", "form", "chinese", "newspaper"):
        run("weasyprint", os.path.join(SRC, name + ".html"), os.path.join(work, name + ".pdf"))


def page(work, name, number, dpi, grey=True):
    from PIL import Image
    base = os.path.join(work, "%s-%d-%d" % (name, number, dpi))
    run("pdftoppm", "-r", str(dpi), "-f", str(number), "-l", str(number), "-singlefile", *(["-gray"] if grey else []), os.path.join(work, name + ".pdf"), base)
    return Image.open(base + (".pgm" if grey else ".ppm")).copy()


def fax(image, degrees, seed):
    """Bilevel as a scanner delivers it: a little skew, ink spread by noise, threshold."""
    import numpy as np
    from PIL import Image, ImageFilter
    turned = image.rotate(degrees, Image.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.6))
    noise = np.random.RandomState(seed).normal(0, 9, (turned.height, turned.width))
    return Image.fromarray(((np.asarray(turned, dtype=float) + noise) > 150).astype("uint8") * 255).convert("1", dither=0)


def photo(image, seed):
    """Perspective, uneven light, sensor noise."""
    import numpy as np
    from PIL import Image, ImageFilter
    w, h = image.size
    # Inverse mapping: where the corners of the picture come from on the page.
    corners = [(-.04 * w, -.03 * h), (-.01 * w, 1.03 * h), (1.05 * w, 1.01 * h), (1.02 * w, -.05 * h)]
    bent = image.transform((w, h), Image.QUAD, [v for c in corners for v in c], Image.BICUBIC, fillcolor=(96, 88, 80)).filter(ImageFilter.GaussianBlur(0.7))
    a = np.asarray(bent, dtype=float)
    y, x = np.mgrid[0:h, 0:w]
    light = .66 + .34 * np.exp(-(((x / w - .4) ** 2) + (y / h - .3) ** 2) * 1.5)
    a = a * light[..., None] * (1.0, .985, .95) + np.random.RandomState(seed).normal(0, 3, a.shape)
    return Image.fromarray(np.clip(a, 0, 255).astype("uint8"))


def make():
    os.makedirs(OUT, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        typeset(work)
        for name in ("report", "paper", "form", "invoice"):
            shutil.copyfile(os.path.join(work, name + ".pdf"), os.path.join(OUT, name + ".pdf"))
        pages = [fax(page(work, "report", 1, 200), .7, 1), fax(page(work, "report", 2, 200), -.5, 2), fax(page(work, "invoice", 1, 200), .3, 3)]
        pages[0].save(os.path.join(OUT, "scan.tif"), save_all=True, append_images=pages[1:], compression="group4", dpi=(200, 200))
        photo(page(work, "form", 1, 170, grey=False), 4).save(os.path.join(OUT, "photo.jpg"), quality=82)
        page(work, "chinese", 1, 150).save(os.path.join(OUT, "chinese.png"), dpi=(150, 150), optimize=True)
        page(work, "newspaper", 1, 130).save(os.path.join(OUT, "newspaper.png"), dpi=(130, 130), optimize=True)
        page(work, "invoice", 1, 150).rotate(-90, expand=True).save(os.path.join(OUT, "letter.webp"), quality=80)
    with open(MANIFEST, "w", encoding="utf-8") as f:
        for name, (origin, shows, expected, phrases) in SAMPLES.items():
            data = open(os.path.join(OUT, name), "rb").read()
            f.write(json.dumps({"file": "samples/" + name, "origin": origin, "shows": shows, "licence": "Apache-2.0", "bytes": len(data),
                                "sha256": hashlib.sha256(data).hexdigest(), "expected": expected, "phrases": phrases}, ensure_ascii=False) + "\n")


def check():
    bad = 0
    for line in open(MANIFEST, encoding="utf-8"):
        entry = json.loads(line)
        data = open(os.path.join(HERE, entry["file"]), "rb").read()
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            print("differs from the manifest:", entry["file"])
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["--check"] else make())
