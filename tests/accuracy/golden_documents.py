#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Five born-digital documents, page by page, against results that were looked at.

  golden_documents.py DOCS [--docparse PROGRAM] [--update] [NAME...]

DOCS is a folder that corpora/fetch_docs.sh filled (it needs the packages named below). For every document the blocks of
the chosen pages are written down in reading order: type, level, size of a table, the first words and a checksum of
the whole text, and compared with tests/golden/documents/NAME.txt; --update writes those files anew, to be looked at
before they are kept. Every page's characters must also be those of the text layer, as pdftotext gives them (spaces,
hyphens and what is set twice apart).
Exit code 0 when all agree, 1 when something differs, 77 when a document is not there.
"""
import argparse
import difflib
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from born_digital import characters, reference_pages  # noqa: E402

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "documents"
# name: what it stands for, package, file, pages
DOCUMENTS = {
    "manual": ("a manual with a table of contents", "gnu-standards", "gnu-standards_maintain.pdf", "1-8,20"),
    "paper": ("a paper of two columns", "texlive-publishers-doc", "texlive-doc_latex_acmart_samples_sample-sigconf.pdf", "1-6"),
    "slides": ("a slide deck", "packaging-tutorial", "packaging-tutorial_packaging-tutorial.pdf", "1-12"),
    "form": ("a form", "texlive-publishers-doc", "texlive-doc_latex_schule_Beispiele_beispiel-ab-formulare.pdf", "1"),
    "tables": ("a report full of tables", "texlive-latex-recommended-doc", "texlive-doc_latex_ctable_ctable.pdf", "1-8"),
}


def pages_of(spec):
    for part in spec.split(","):
        first, _, last = part.partition("-")
        yield int(first), int(last or first)


def describe(block):
    """One line of a golden file."""
    text = " ".join((block.get("text") or "").split())
    out = [block["type"]]
    if block.get("level"):
        out.append(str(block["level"]))
    if block.get("table"):
        out.append("%dx%d" % (block["table"]["rows"], block["table"]["cols"]))
    if text:
        out.append(hashlib.sha256(text.encode()).hexdigest()[:12])
        out.append(" ".join(w for w in text.split()[:4] if "/" not in w)[:32])
    return " ".join(out)


def convert(program, path, pages):
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run([program, "convert", str(path), "-o", out, "-f", "json", "--pages", pages, "--progress", "none"],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit("%s: %s" % (path, done.stderr.strip()))
        return json.loads(next(pathlib.Path(out).glob("*.json")).read_text(encoding="utf-8"))["pages"]


def describe_pages(pages):
    lines = []
    for page in pages:
        lines.append("page %d" % page["number"])
        lines += ["  " + describe(b) for b in sorted(page["blocks"], key=lambda b: b["order"])]
    return lines


def text_of(block):
    """A list's text is that of its items; what was read from pixels is not in the text layer."""
    if block["type"] == "list" or block.get("source") == "compact":
        return ""
    return (block.get("marker") or "") + " " + (block.get("text") or "")


def lost_characters(path, pages, spec):
    """{page: characters that the text layer has and the blocks have not}."""
    reference, lost = reference_pages(path, list(pages_of(spec))), {}
    for page in pages:
        have, _ = characters("\n".join(text_of(b) for b in page["blocks"]))
        want, _ = characters(reference[page["number"]])
        missing = want - have
        if missing:
            lost[page["number"]] = "".join(sorted(missing.elements()))
    return lost


def check(name, docs, program, update):
    kind, package, file, spec = DOCUMENTS[name]
    path, golden = docs / package / file, GOLDEN / (name + ".txt")
    if not path.exists():
        print("SKIP %s: %s is not there (corpora/fetch_docs.sh %s %s)" % (name, path, docs, package))
        return 77
    pages = convert(program, path, spec)
    head = ["# %s: pages %s of %s, Debian package %s" % (kind, spec, file, package)]
    lines = head + describe_pages(pages)
    if update:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    kept = golden.read_text(encoding="utf-8").splitlines() if golden.exists() else []
    changes = list(difflib.unified_diff(kept, lines, "kept", "now", lineterm="", n=1))
    lost = lost_characters(path, pages, spec)
    print("%s: %d pages, %d blocks, %d lines changed, characters lost on %d pages" % (
        name, len(pages), len(lines) - len(pages) - 1, len(changes), len(lost)))
    for line in changes:
        print("  " + line)
    for number, missing in lost.items():
        print("  page %d has lost %r" % (number, missing[:80]))
    return 1 if changes or lost else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("docs", type=pathlib.Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(DOCUMENTS))
    parser.add_argument("--docparse", default="build/release/bin/docparse")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    results = [check(name, options.docs, options.docparse, options.update) for name in options.names or DOCUMENTS]
    return 1 if 1 in results else 77 if 77 in results else 0


if __name__ == "__main__":
    sys.exit(main())
