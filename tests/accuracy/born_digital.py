#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Characters of born-digital PDFs against pdftotext, page by page.

  born_digital.py --docparse build/release/bin/docparse FOLDER... [--most N] [--jobs N] [--table FILE]

Every PDF below the folders is converted to text, and the non-space characters of each page (NFKC, hyphens and
direction marks apart) are compared as multisets with what pdftotext gives. recall = shared / reference,
precision = shared / ours, over all pages. Characters that no text can have (private use, replacement,
controls: fonts without a character map) are left out on both sides and counted apart; so are pages on which
more than half of the reference is such. Characters that were recognised from the image and are not in the
reference (screenshots, logos, such fonts) are real text that pdftotext cannot give: precision is given with and
without them, and --least holds the latter. Markers of items that are drawn, and so in no line, do not count.
Exit code 0 when recall and precision reach --least and no document failed and no page is missing.
Only the standard library is used; nothing is downloaded (see corpora/fetch_docs.sh).
"""
import argparse
import collections
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import unicodedata

HYPHENS = "-\u00ad\u2010\u2011\u2012\u2212"


def is_undecodable(c):
    return unicodedata.category(c) in ("Co", "Cc", "Cn", "Cs") or c == "\ufffd"


def characters(text):
    """Multiset of the characters that count, and how many could not be decoded."""
    kept, lost = collections.Counter(), 0
    for c in unicodedata.normalize("NFKC", text):
        if c.isspace():
            continue
        if is_undecodable(c):
            lost += 1
        elif c not in HYPHENS and unicodedata.category(c) != "Cf":
            kept[c] += 1
    return kept, lost


def reference_pages(path, pages):
    """{page number: text} by pdftotext."""
    out = {}
    for first, last in pages:
        run = subprocess.run(["pdftotext", "-enc", "UTF-8", "-f", str(first), "-l", str(last), str(path), "-"],
                             capture_output=True, timeout=600)
        parts = run.stdout.decode("utf-8", "replace").split("\f")
        for k in range(first, last + 1):
            out[k] = parts[k - first] if k - first < len(parts) else ""
    return out


def page_count(path):
    run = subprocess.run(["pdfinfo", str(path)], capture_output=True, timeout=60)
    for line in run.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("Pages:"):
            return int(line.split()[1])
    return 0


def sample(count, most):
    """Page ranges: all pages, or `most` of them in four runs spread over the document."""
    if not most or count <= most:
        return [(1, count)]
    runs = min(4, most)
    length = most // runs
    return [(1 + (count - length) * i // max(1, runs - 1), (count - length) * i // max(1, runs - 1) + length)
            for i in range(runs)]


def merged(ranges):
    out = []
    for first, last in ranges:
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(last, out[-1][1]))
        else:
            out.append((first, last))
    return out


def our_pages(program, path, pages, jobs):
    """({page number: characters}, failed pages, characters recognised by page, CPU seconds, error)."""
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "convert", str(path), "-o", folder, "-f", "text,json", "--jobs", str(jobs), "--progress", "none",
                   "--pages", ",".join("%d-%d" % p for p in pages)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = subprocess.run(command, capture_output=True, timeout=7200)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        texts = list(pathlib.Path(folder).glob("*.txt"))
        models = list(pathlib.Path(folder).glob("*.json"))
        error = "" if run.returncode == 0 else "exit code %d: %s" % (
            run.returncode, run.stderr.decode("utf-8", "replace").strip().splitlines()[-1:])
        if not texts or not models:
            return {}, 0, collections.Counter(), seconds, error or "no output"
        document = json.loads(models[0].read_text(encoding="utf-8"))
        numbers = [page["number"] for page in document["pages"]]
        parts = texts[0].read_text(encoding="utf-8").split("\f")
        failed = sum(page["status"] == "failed" for page in document["pages"])
        read = collections.Counter()  # characters recognised from the image, by page
        own = {number: characters(part)[0] for number, part in zip(numbers, parts)}
        for page in document["pages"]:
            for block in page["blocks"]:
                marker = block.get("marker", "")
                if page["number"] in own and not any(marker in line.get("text", "") for line in block.get("lines", [])):
                    own[page["number"]] -= characters(marker)[0]
                if block["source"] != "text_layer":
                    read[page["number"]] += sum(characters(block.get("text", ""))[0].values())
        return own, failed, read, seconds, error


def compare(path, args):
    """Figures of one document."""
    count = page_count(path)
    ranges = merged(sample(count, args.most))
    want = reference_pages(path, ranges)
    got, failed, read, seconds, error = our_pages(args.docparse, path, ranges, args.jobs)
    row = {"name": path.name, "pages": len(want), "missing": sum(n not in got for n in want), "failed": failed,
           "reference": 0, "ours": 0, "shared": 0, "undecodable": 0, "pictured": 0, "apart": 0, "seconds": seconds, "error": error,
           "recognised": sum(read.values()), "worst": []}
    for number, text in want.items():
        ref, lost = characters(text)
        own = got.get(number, collections.Counter())
        row["undecodable"] += lost
        if lost > sum(ref.values()):
            row["apart"] += 1
            continue
        shared = sum((ref & own).values())
        # Text in pictures and in fonts without a character map: pdftotext has none of it.
        pictured = min(read[number], sum(own.values()) - shared)
        row["pictured"] += pictured
        row["reference"] += sum(ref.values())
        row["ours"] += sum(own.values())
        row["shared"] += shared
        missed, extra = sum(ref.values()) - shared, sum(own.values()) - shared - pictured
        if missed + extra > 0:
            row["worst"].append((missed, extra, number))
    row["worst"] = sorted(row["worst"], key=lambda w: -(w[0] + w[1]))[:3]
    return row


def ratio(a, b):
    return a / b if b else 1.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--docparse", default=os.environ.get("DOCPARSE", "build/release/bin/docparse"))
    parser.add_argument("--most", type=int, default=0, help="pages read of one document at most (0: all)")
    parser.add_argument("--documents", type=int, default=0, help="documents of one folder at most (0: all)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--least", type=float, default=0.998)
    parser.add_argument("--table", help="also write the rows as JSON lines")
    args = parser.parse_args()
    if not shutil.which("pdftotext"):
        print("SKIP: pdftotext (poppler-utils) is not installed")
        return 77
    paths = []
    for folder in args.folders:
        by_folder = collections.defaultdict(list)
        for path in sorted(pathlib.Path(folder).rglob("*.pdf")):
            by_folder[path.parent].append(path)
        for found in by_folder.values():
            step = max(1, len(found) // args.documents) if args.documents else 1
            paths += found[::step][:args.documents or None]
    total = collections.Counter()
    table = open(args.table, "w", encoding="utf-8") if args.table else None
    print("%-44s %6s %8s %8s %8s %7s  %s" % ("document", "pages", "chars", "recall", "precis.", "pages/s", "notes"))
    for path in paths:
        row = compare(path, args)
        for key in ("pages", "missing", "failed", "reference", "ours", "shared", "undecodable", "pictured", "apart", "seconds", "recognised"):
            total[key] += row[key]
        total["documents"] += 1
        total["refused"] += row["error"] != "" and row["missing"] == row["pages"]
        notes = [row["error"]] if row["error"] else []
        notes += ["%d missing" % row["missing"]] if row["missing"] else []
        notes += ["%d undecodable" % row["undecodable"]] if row["undecodable"] else []
        notes += ["p%d -%d +%d" % (n, m, e) for m, e, n in row["worst"]]
        print("%-44s %6d %8d %8.5f %8.5f %7.1f  %s" % (
            row["name"][-44:], row["pages"], row["reference"], ratio(row["shared"], row["reference"]),
            ratio(row["shared"], row["ours"]), ratio(row["pages"], row["seconds"]), "; ".join(notes)), flush=True)
        if table:
            table.write(json.dumps(row, ensure_ascii=False) + "\n")
    recall, precision = ratio(total["shared"], total["reference"]), ratio(total["shared"], total["ours"])
    sure = ratio(total["shared"], total["ours"] - total["pictured"])
    print("\n%d documents, %d pages, %d characters: recall %.5f precision %.5f; %d pages missing, %d failed, "
          "%d documents failed; %d pages apart (no character map), %d undecodable characters; %d characters read from pictures, "
          "precision without them %.5f; %.1f pages per CPU second"
          % (total["documents"], total["pages"], total["reference"], recall, precision, total["missing"], total["failed"],
             total["refused"], total["apart"], total["undecodable"], total["pictured"],
             sure, ratio(total["pages"], total["seconds"])))
    good = recall >= args.least and sure >= args.least and not (total["missing"] or total["failed"] or total["refused"])
    return 0 if good and total["pages"] else 1


if __name__ == "__main__":
    sys.exit(main())
