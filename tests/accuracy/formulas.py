#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Displayed formulas of born-digital PDFs: typeset a list of them, and score what docparse makes of the PDF.

  formulas.py typeset LIST.tex --font cm|lm|stix|xits|newtx|mathptmx -o OUT.pdf
  formulas.py score LIST.tex FILE.pdf... --docparse build/release/bin/docparse [--most 0.10] [--every N] [--show N] [--jobs N]

LIST.tex holds one formula a line (% comments). Each stands on a page of its own between two lines of prose, so that
it has to be found before it is read. heldout-*.pdf beside the lists are typeset with the AMS and STIX Two fonts, which the
Open Font Licence lets be embedded; heldout-cm.pdf went through DVI and has no character maps in its symbol fonts. The score is OmniDocBench's: edit distance over the longer length of both
formulas in the evaluator's normal form (spaces, \\left, \\right, font commands and the names of environments do not
count), 1 for a formula that is not found. Exit code 0 when the mean of every file is at most --most.
Typesetting needs TeX Live, scoring only the standard library.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PREAMBLES = {
    "cm": ("pdflatex", r"\usepackage{amsmath,amssymb}"),
    "lm": ("pdflatex", r"\usepackage{lmodern}\usepackage[T1]{fontenc}\usepackage{amsmath,amssymb}"),
    "stix": ("lualatex", r"\usepackage{amsmath}\usepackage{unicode-math}\setmainfont{STIXTwoText-Regular.otf}"
                         r"[BoldFont=STIXTwoText-Bold.otf,ItalicFont=STIXTwoText-Italic.otf]\setmathfont{STIXTwoMath-Regular.otf}"),
    "xits": ("lualatex", r"\usepackage{amsmath}\usepackage{unicode-math}\setmainfont{XITS-Regular.otf}"
                         r"[BoldFont=XITS-Bold.otf,ItalicFont=XITS-Italic.otf]\setmathfont{XITSMath-Regular.otf}"),
    "newtx": ("pdflatex", r"\usepackage[T1]{fontenc}\usepackage{amsmath,amssymb}\usepackage{newtxtext,newtxmath}"),
    "mathptmx": ("pdflatex", r"\usepackage[T1]{fontenc}\usepackage{amsmath,amssymb}\usepackage{mathptmx}"),
}
PAGE = r"""\documentclass{article}
\usepackage[paperwidth=120mm,paperheight=90mm,margin=8mm]{geometry}
%s
\pagestyle{empty}
\begin{document}
%s\end{document}
"""
BEFORE = "We now turn to the relation between both sides, which was shown before and which reads"
AFTER = "where all quantities are as defined above, and the constants do not depend on them."

# bm_norm_formula of service/bench/norm.c, by which OmniDocBench 1.5 compares formulas.
GONE = (r"\mathbf \mathrm \mathnormal \mathit \mathbb \mathcal \mathscr \mathfrak \mathsf \mathtt \textbf \text \boldmath "
        r"\boldsymbol \operatorname \bm \symbfit \mathbfcal \symbf \scriptscriptstyle \notag \setlength \coloneqq \space "
        r"\thickspace \thinspace \medspace \nobreakspace \negmedspace \quad \qquad \enspace \substackw").split()


def normal(latex):
    text = latex.strip().strip("$").strip("\n")
    for pattern in (r"\\tag\{.*?\}", r"\\hspace\{.*?\}", r"\\begin\{.*?\}", r"\\end\{.*?\}"):
        text = re.sub(pattern, "", text)
    text = text.strip(".")
    for gone in GONE + [" ", "$$", r"\left", r"\right", r"\displaystyle"]:
        text = text.replace(gone, "")
    return text.lower()


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def error(want, got):
    a, b = normal(want), normal(got)
    return distance(a, b) / max(len(a), len(b), 1)


def read_list(path):
    lines = pathlib.Path(path).read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith("%")]


def typeset(formulas, font, out):
    program, preamble = PREAMBLES[font]
    pages = "".join("%s\n\\[\n%s\n\\]\n%s\n\\newpage\n" % (BEFORE, f, AFTER) for f in formulas)
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "f.tex").write_text(PAGE % (preamble, pages))
        run = subprocess.run([program, "-interaction=nonstopmode", "-halt-on-error", "f.tex"], cwd=folder, capture_output=True)
        if run.returncode != 0:
            sys.exit("%s failed:\n%s" % (program, run.stdout.decode("utf-8", "replace")[-1500:]))
        shutil.copy(pathlib.Path(folder) / "f.pdf", out)


def predictions(docparse, pdf, pages, jobs):
    """{page: LaTeX of its formulas}"""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([docparse, "convert", str(pdf), "-o", folder, "-f", "json", "--progress", "none", "--jobs", str(jobs)] +
                             (["--pages", ",".join(map(str, pages))] if pages.step > 1 else []),
                             capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit("docparse failed on %s: %s" % (pdf, run.stderr.strip().splitlines()[-1:]))
        document = json.loads(next(pathlib.Path(folder).rglob("*.json")).read_text())
    found = {}
    for page in document["pages"]:
        blocks = sorted((b for b in page["blocks"] if b["type"] == "formula"), key=lambda b: b["order"])
        found[page["number"]] = " ".join(b.get("formula", {}).get("latex", "") for b in blocks)
    return found


def score(args):
    formulas, worst = read_list(args.list), 0.0
    pages = range(1, len(formulas) + 1, args.every)
    for pdf in args.pdf:
        found = predictions(args.docparse, pdf, pages, args.jobs)
        errors = [(error(formulas[i - 1], found.get(i, "")), i, formulas[i - 1]) for i in pages]
        mean = sum(e for e, _, _ in errors) / len(errors)
        print("%s: %d formulas, edit distance %.4f, exact %d, not found %d" %
              (pathlib.Path(pdf).name, len(errors), mean, sum(e == 0 for e, _, _ in errors), sum(not found.get(i) for _, i, _ in errors)))
        for e, i, want in sorted(errors, key=lambda x: (-x[0], x[1]))[:args.show]:
            if e > 0:
                print("  page %d: %.3f\n    want %s\n    got  %s" % (i, e, want, found.get(i, "")))
        worst = max(worst, mean)
    return 0 if worst <= args.most else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("typeset")
    one.add_argument("list")
    one.add_argument("--font", choices=sorted(PREAMBLES), default="cm")
    one.add_argument("-o", "--out", required=True)
    two = commands.add_parser("score")
    two.add_argument("list")
    two.add_argument("pdf", nargs="+")
    two.add_argument("--docparse", default="build/release/bin/docparse")
    two.add_argument("--most", type=float, default=0.10)
    two.add_argument("--show", type=int, default=0, help="formulas to print, worst first")
    two.add_argument("--every", type=int, default=1, help="only every Nth page")
    two.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    if args.command == "typeset":
        typeset(read_list(args.list), args.font, args.out)
        return 0
    return score(args)


if __name__ == "__main__":
    sys.exit(main())
