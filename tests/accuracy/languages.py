#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures script and language of texts by their length (docparse/language.h).

  tests/accuracy/languages.py BUILD [MAN...] [--locale DIR] [--wrong N]

BUILD: build folder with tests/language_lines (ninja language_lines). MAN: folders of translated manual pages (default: /usr/share/man;
packages manpages-de, -fr, -ja..., installed or unpacked). Besides: GLib's translated messages (libglib2.0-data). A text is the
beginning of a paragraph, or of messages one behind the other, of 20 to 320 letters. Paragraphs with three or more English
function words are left out: they were not translated. For each length: share of right, unknown and wrong answers, for the text
by itself ("alone") and on a page of its language ("beside"); then the languages that do worst.
"""
import argparse
import collections
import glob
import gettext
import gzip
import os
import random
import re
import subprocess
import sys
import unicodedata

LENGTHS = (20, 40, 80, 160, 320)
PER_LENGTH = 60
TAGS = {"zh_CN": "zh-Hans", "zh_TW": "zh-Hant", "zh_HK": "zh-Hant", "pt_BR": "pt", "en_GB": "en", "no": "nb"}
MESSAGES = ("ar be bg bn ca cs da de el en_GB es et eu fa fi fr gl he hi hr hu hy id is it ja ka ko lt lv mk ms nb nl nn pl pt ro ru sk sl "
            "sq sr sv ta te th tr uk vi zh_CN zh_TW").split()
ENGLISH = set("the of and to is in that for with this are be by as or it from when".split())


def letters(text):
    return sum(unicodedata.category(c)[0] == "L" for c in text)


def cut(text, length):
    count = 0
    for i, c in enumerate(text):
        count += unicodedata.category(c)[0] == "L"
        if count >= length and (c == " " or ord(c) > 0x2E80):
            return text[:i + 1]
    return text


def unroff(text):
    text = re.sub(r"\\f\(..|\\f\[[^\]]*\]|\\f.|\\s[-+]?\d", "", text)
    for old, new in (("\\-", "-"), ("\\&", ""), ("\\ ", " "), ("\\(aq", "'"), ("\\(co", ""), ("\\e", "\\"), ("\\(lq", '"'), ("\\(rq", '"')):
        text = text.replace(old, new)
    text = re.sub(r"\\\[u([0-9A-F]{4,5})\]", lambda m: chr(int(m.group(1), 16)), text)
    return re.sub(r"\\\(..|\\\[[^\]]*\]|\\.", "", text)


def paragraphs(path):
    try:
        text = gzip.open(path).read().decode("utf8")
    except (OSError, UnicodeDecodeError):
        return
    current, literal = [], False
    for line in text.split("\n") + [".PP"]:
        if line[:1] not in (".", "'") and line:
            if not literal:
                current.append(line)
            continue
        inline = re.match(r"\.(B|I|BR|IR|RB|RI|BI|IB|SM) (.*)", line)
        if inline:
            current.append(inline.group(2).replace('"', ""))
        elif not line.startswith((".\\", "'")):
            literal = (literal or line.startswith((".nf", ".EX"))) and not line.startswith((".fi", ".EE"))
            yield re.sub(r"\s+", " ", unroff(" ".join(current))).strip()
            current = []


def is_prose(text, tag):
    words = text.lower().split()
    n = letters(text)
    return n >= LENGTHS[0] and n / len(text) >= 0.65 and (tag == "en" or sum(w in ENGLISH for w in words) < 3)


def man_pages(folders, rng):
    for folder in folders:
        for lang in sorted(os.listdir(folder)):
            files = sorted(f for f in glob.glob(f"{folder}/{lang}/man*/*.gz") if not os.path.islink(f))
            if lang.startswith("man") or not files:
                continue
            tag = TAGS.get(lang, lang)
            rng.shuffle(files)
            texts = [p for f in files[:150] for p in paragraphs(f) if is_prose(p, tag)]
            rng.shuffle(texts)
            for length in LENGTHS:
                for text in [t for t in texts if letters(t) >= length][:PER_LENGTH]:
                    yield tag, length, cut(text, length)


def messages(folder, rng):
    for lang in MESSAGES:
        path = f"{folder}/{lang}/LC_MESSAGES/glib20.mo"
        if not os.path.exists(path):
            continue
        try:
            catalogue = gettext.GNUTranslations(open(path, "rb"))._catalog
        except Exception:  # a broken plural rule of one file
            continue
        tag = TAGS.get(lang, lang)
        texts = []
        for key, text in sorted((k, v) for k, v in catalogue.items() if isinstance(k, str) and k and v != k):
            text = re.sub(r"\s+", " ", re.sub(r"[“‘\"'«]?%\S+", "", text)).strip()
            if is_prose(text, tag):
                texts.append(text)
        rng.shuffle(texts)
        at = 0
        for length in LENGTHS:
            for _ in range(PER_LENGTH // 2):
                text = ""
                while letters(text) < length and at < len(texts):
                    text, at = (text + " " + texts[at]).strip(), at + 1
                if letters(text) >= length:
                    yield tag, length, cut(text, length)


def same(found, tag):
    return found == tag or found.split("-")[0] == tag == "sr"


def report(name, rows, texts, wrong):
    print(f"{name}: {len(rows)} texts in {len({r[0] for r in rows})} languages")
    for label, column in (("alone", None), ("beside", 5)):
        by_length, by_language, mistakes = (collections.defaultdict(lambda: [0, 0, 0]) for _ in range(3))
        for row, text in zip(rows, texts):
            sure = column is not None or row[4] == "1"
            found = (row[column] if column else row[3]) if sure else "-"
            for tally in (by_length[int(row[1])], by_language[row[0]]):
                tally[0] += 1
                tally[1] += same(found, row[0])
                tally[2] += found == "-"
            if found != "-" and not same(found, row[0]):
                mistakes[f"{row[0]}>{found}"][0] += 1
                if wrong > 0:
                    wrong -= 1
                    print("   ", row[0], found, text)
        print(f"  {label:7}" + "".join(f" | {n}: {b / a:.3f} right {c / a:.3f} unknown {(a - b - c) / a:.3f} wrong"
                                       for n, (a, b, c) in sorted(by_length.items())))
        worst = sorted((b / a, tag) for tag, (a, b, c) in by_language.items())[:8]
        print("    least right: " + ", ".join(f"{tag} {share:.2f}" for share, tag in worst))
        print("    taken for: " + ", ".join(f"{k} {v[0]}" for k, v in sorted(mistakes.items(), key=lambda m: -m[1][0])[:8]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("man", nargs="*", default=["/usr/share/man"])
    parser.add_argument("--locale", default="/usr/share/locale")
    parser.add_argument("--wrong", type=int, default=0)
    args = parser.parse_args()
    for name, texts in (("manual pages", list(man_pages(args.man, random.Random(5)))), ("messages", list(messages(args.locale, random.Random(5))))):
        if not texts:
            print(f"{name}: none found")
            continue
        data = "".join(f"{tag}\t{length}\t{text}\n" for tag, length, text in texts)
        done = subprocess.run([f"{args.build}/tests/language_lines"], input=data, capture_output=True, text=True, check=True)
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        report(name, rows, [t[2] for t in texts], args.wrong)
        print("  " + done.stderr.strip())


if __name__ == "__main__":
    sys.exit(main())
