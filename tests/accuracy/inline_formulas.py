#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Formulas inside of prose in born-digital PDFs: typeset paragraphs that hold them, and score what docparse finds.

  inline_formulas.py typeset LIST.tex --font cm|lm|stix|xits|newtx|mathptmx -o OUT.pdf
  inline_formulas.py score LIST.tex FILE.pdf... --docparse build/release/bin/docparse [--precision 0.97] [--recall 0.8] [--show N]

LIST.tex (formulas/inline-*.tex) holds one paragraph a line, formulas between dollars. Found formulas are aligned with the true ones in reading
order so that the sum of edit distances (formulas.py) is least. A pair with a distance of at most 0.2 is right: precision is
the share of right ones among what was found, recall among what is there. True formulas that are only a number need not be
found and do no harm when they are. In a list without dollars everything that is found is wrong. Exit code 0 when
precision and recall reach what is asked, or when at most --false formulas are found in a list without any.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import formulas as display

PAGE = r"""\documentclass{article}
\usepackage[paperwidth=148mm,paperheight=210mm,margin=16mm]{geometry}
\usepackage{textcomp}
%s
\pagestyle{empty}
\begin{document}
%s\end{document}
"""
PARAGRAPHS = 4  # a page
RIGHT = 0.2


def truth(paragraphs):
    return [re.findall(r"(?<!\\)\$(.+?)(?<!\\)\$", p) for p in paragraphs]


def typeset(paragraphs, font, out):
    program, preamble = display.PREAMBLES[font]
    body = ""
    for i, p in enumerate(paragraphs):
        body += p + ("\n\\newpage\n" if i % PARAGRAPHS == PARAGRAPHS - 1 else "\n\n")
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "f.tex").write_text(PAGE % (preamble, body))
        run = subprocess.run([program, "-interaction=nonstopmode", "-halt-on-error", "f.tex"], cwd=folder, capture_output=True)
        if run.returncode != 0:
            sys.exit("%s failed:\n%s" % (program, run.stdout.decode("utf-8", "replace")[-1500:]))
        shutil.copy(pathlib.Path(folder) / "f.pdf", out)


def found(docparse, pdf):
    """[(LaTeX, characters, text around)] of each page, in reading order."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([docparse, "convert", str(pdf), "-o", folder, "-f", "json", "--progress", "none"], capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit("docparse failed on %s: %s" % (pdf, run.stderr.strip().splitlines()[-1:]))
        document = json.loads(next(pathlib.Path(folder).rglob("*.json")).read_text())
    pages = []
    for page in document["pages"]:
        pages.append([])
        for b in page["blocks"]:
            for s in b.get("spans", []):
                if s["kind"] == "formula":
                    assert b["text"][s["start"]:s["end"]] == s["text"], s
                    around = b["text"][max(0, s["start"] - 20):s["start"]] + "[" + s["text"] + "]" + b["text"][s["end"]:s["end"] + 20]
                    pages[-1].append((s["formula"]["latex"], s["text"], around))
            if b["type"] == "formula":
                pages[-1].append((b.get("formula", {}).get("latex", ""), b["text"], "displayed: " + b["text"]))
    return pages


def error(want, got):
    want = re.sub(r"\\pmod\s*\{?(\w)\}?", r"(\\mathrm{mod}\1)", want)
    for old, new in ((r"\colon", ":"), (r"\dots", r"\ldots"), (r"\cdots", r"\ldots"), (r"\le ", r"\leq "), (r"\to", r"\rightarrow"), (r"\rightarrowp", r"\top"), (r"\tfrac", r"\frac"), (r"\|", r"\Vert ")):
        want, got = want.replace(old, new), got.replace(old, new)
    same = lambda t: re.sub(r"[{}]", "", re.sub(r"\\(leq|geq|neq)\b", lambda m: "\\" + m.group(1)[:-1], re.sub(r"\\([,;!]|operatorname\*?)|~", "", t)).replace(r"\lvert", "|").replace(r"\rvert", "|"))
    return display.error(same(want), same(got))


def align(want, got):
    """[(want or None, got or None, distance)] with the least sum of distances."""
    n, m = len(want), len(got)
    cost = [[0.0] * (m + 1) for _ in range(n + 1)]
    dist = [[error(w, g[0]) for g in got] for w in want]
    for i in range(n, -1, -1):
        for k in range(m, -1, -1):
            ways = [(cost[i + 1][k + 1] + 2 * dist[i][k])] if i < n and k < m else []
            ways += [cost[i + 1][k] + 1] if i < n else []
            ways += [cost[i][k + 1] + 1] if k < m else []
            cost[i][k] = min(ways) if ways else 0.0
    pairs, i, k = [], 0, 0
    while i < n or k < m:
        if i < n and k < m and cost[i][k] == cost[i + 1][k + 1] + 2 * dist[i][k]:
            pairs.append((want[i], got[k], dist[i][k]))
            i, k = i + 1, k + 1
        elif i < n and cost[i][k] == cost[i + 1][k] + 1:
            pairs.append((want[i], None, 1.0))
            i += 1
        else:
            pairs.append((None, got[k], 1.0))
            k += 1
    return pairs


def is_number(latex):
    return re.fullmatch(r"[\d.,{}]+", latex) is not None


def score(args):
    paragraphs, fine = display.read_list(args.list), True
    want = truth(paragraphs)
    want = [sum(want[i:i + PARAGRAPHS], []) for i in range(0, len(want), PARAGRAPHS)]
    for pdf in args.pdf:
        pairs = []
        pages = found(args.docparse, pdf)
        for w, g in zip(want, pages + [[]] * (len(want) - len(pages))):
            pairs += align(w, g)
        pairs = [p for p in pairs if not (p[0] and is_number(p[0]))]
        there, got = sum(p[0] is not None for p in pairs), sum(p[1] is not None for p in pairs)
        right = sum(p[0] is not None and p[1] is not None and p[2] <= RIGHT for p in pairs)
        exact = sum(p[2] == 0 for p in pairs)
        precision, recall = right / got if got else 1.0, right / there if there else 1.0
        print("%s: %d formulas, %d found, %d right, %d exact, precision %.3f, recall %.3f" %
              (pathlib.Path(pdf).name, there, got, right, exact, precision, recall))
        wrong = [p for p in pairs if p[2] > (0 if args.all else RIGHT)]
        for w, g, d in sorted(wrong, key=lambda p: p[1] is None)[:args.show]:
            print("  %.2f want %-34s got %s" % (d, w, "%s   (%s)" % (g[0], g[2]) if g else None))
        fine = fine and (got <= args.false if there == 0 else precision >= args.precision and recall >= args.recall)
    return 0 if fine else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("typeset")
    one.add_argument("list")
    one.add_argument("--font", choices=sorted(display.PREAMBLES), default="cm")
    one.add_argument("-o", "--out", required=True)
    two = commands.add_parser("score")
    two.add_argument("list")
    two.add_argument("pdf", nargs="+")
    two.add_argument("--docparse", default="build/release/bin/docparse")
    two.add_argument("--precision", type=float, default=0.97)
    two.add_argument("--recall", type=float, default=0.8)
    two.add_argument("--false", type=int, default=0)
    two.add_argument("--show", type=int, default=0, help="wrong and missed ones to print")
    two.add_argument("--all", action="store_true", help="print inexact ones as well")
    args = parser.parse_args()
    if args.command == "typeset":
        typeset(display.read_list(args.list), args.font, args.out)
        return 0
    return score(args)


if __name__ == "__main__":
    sys.exit(main())
