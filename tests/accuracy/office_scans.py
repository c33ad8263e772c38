#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Character error on degraded renderings of documentation pages, beside Tesseract on the same images.

usage: office_scans.py make PAGES DOCS OUT      renders the pages of PAGES (corpora/scan_pages.txt) at 200 dpi from
                                                the packages unpacked below DOCS and degrades them to four grades
       office_scans.py read OUT DOCPARSE [--grades G...]   runs `DOCPARSE convert` and tesseract on all images
       office_scans.py score OUT                prints the character errors

The PDF's text layer is the truth, block by block (pdftotext -bbox-layout). A recognised word counts for the block
that its centre falls in; both sides are NFKC-normalised and stripped of white space. Words outside every block
(text that is part of a picture) are left out on both sides. Grades: clean; scanner (noise, blur, 0.4 degrees of
skew, JPEG); fax (1 bit, 204x196 dpi, Group 4); photo (perspective, uneven light, blur, noise, JPEG).
Needs numpy, opencv-python-headless, pillow, rapidfuzz, poppler-utils and, for `read`, tesseract.
"""
import json, os, re, subprocess, sys, unicodedata, xml.etree.ElementTree as ET
import cv2
import numpy as np

GRADES = ("clean", "scanner", "fax", "photo")
DPI = 200


def norm(text):
    text = unicodedata.normalize("NFKC", text)
    return re.sub(r"[\s\u00ad\u200b]+", "", text)


def pages(path):
    for i, line in enumerate(x for x in open(path, encoding="utf-8") if x.strip() and not x.startswith("#")):
        package, file, number, script, language = line.split()
        yield {"id": f"{i:02d}_{script}", "package": package, "file": file, "page": int(number), "script": script,
               "language": language}


def truth_of(pdf, number):
    """Blocks of the text layer: (x0, y0, x1, y1, text) in pixels at DPI."""
    out = subprocess.run(["pdftotext", "-bbox-layout", "-f", str(number), "-l", str(number), pdf, "-"], check=True,
                         capture_output=True).stdout.decode("utf-8", "replace")
    root = ET.fromstring(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", out))
    ns = {"h": "http://www.w3.org/1999/xhtml"}
    scale = DPI / 72
    blocks = []
    for b in root.iterfind(".//h:block", ns):
        text = "".join(w.text or "" for w in b.iterfind(".//h:word", ns))
        box = [float(b.get(k)) * scale for k in ("xMin", "yMin", "xMax", "yMax")]
        if norm(text):
            blocks.append(box + [text])
    return blocks


def degrade(image, grade, rng):
    """Returns (image, 3x3 map from clean pixels to its pixels, extra save arguments)."""
    h, w = image.shape[:2]
    eye = np.eye(3)
    if grade == "clean":
        return image, eye
    if grade == "fax":
        sx, sy = 204 / DPI, 196 / DPI
        small = cv2.resize(image, None, fx=sx, fy=sy, interpolation=cv2.INTER_AREA)
        noisy = small.astype(np.float32) + rng.normal(0, 14, small.shape)
        return np.where(noisy > 150, 255, 0).astype(np.uint8), np.diag([sx, sy, 1.0])
    if grade == "scanner":
        angle = np.deg2rad(rng.uniform(-0.4, 0.4))
        m = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
        m[:2, 2] = np.array([w / 2, h / 2]) - m[:2, :2] @ np.array([w / 2, h / 2])
        out = cv2.warpPerspective(image, m, (w, h), flags=cv2.INTER_CUBIC, borderValue=250)
        out = cv2.GaussianBlur(out, (0, 0), 0.8).astype(np.float32) * 0.9 + 18
        out += rng.normal(0, 7, out.shape)
        return jpeg(out, 75), m
    corners = np.float32([[0, 0], [w, 0], [w, h], [0, h]])
    shift = rng.uniform(0.0, 0.035, (4, 2)) * [w, h] * [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    m = cv2.getPerspectiveTransform(corners, np.float32(corners + shift)).astype(np.float64)
    out = cv2.warpPerspective(image, m, (w, h), flags=cv2.INTER_CUBIC, borderValue=120).astype(np.float32)
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    light = 0.95 - 0.35 * (xx / w * rng.uniform(0.3, 1) + yy / h * rng.uniform(0.3, 1)) / 1.5
    out = cv2.GaussianBlur(out, (0, 0), 1.1) * light + rng.normal(0, 6, out.shape)
    return jpeg(out, 60), m


def jpeg(image, quality):
    ok, data = cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def save(path, image, grade):
    from PIL import Image
    picture = Image.fromarray(image)
    if grade == "fax":
        picture.convert("1").save(path + ".tif", compression="group4", dpi=(204, 196))
    else:
        picture.save(path + ".png", dpi=(DPI, DPI))


def make(listing, docs, out):
    todo = list(pages(listing))
    for p in todo:
        pdf = os.path.join(docs, p["package"], "usr/share", p["file"])
        stem = os.path.join(out, "page")
        os.makedirs(out, exist_ok=True)
        subprocess.run(["pdftoppm", "-r", str(DPI), "-gray", "-png", "-singlefile", "-f", str(p["page"]), "-l",
                        str(p["page"]), pdf, stem], check=True)
        image = cv2.imread(stem + ".png", cv2.IMREAD_GRAYSCALE)
        os.unlink(stem + ".png")
        p["truth"] = truth_of(pdf, p["page"])
        p["map"] = {}
        for g, grade in enumerate(GRADES):
            rng = np.random.default_rng(int(p["id"][:2]) * 10 + g)
            picture, m = degrade(image, grade, rng)
            p["map"][grade] = m.tolist()
            os.makedirs(os.path.join(out, grade), exist_ok=True)
            save(os.path.join(out, grade, p["id"]), picture, grade)
    json.dump(todo, open(os.path.join(out, "pages.json"), "w"), ensure_ascii=False)
    print(f"{len(todo)} pages in {len(GRADES)} grades")


def image_of(out, grade, p):
    return os.path.join(out, grade, p["id"] + (".tif" if grade == "fax" else ".png"))


def read(out, program, grades):
    todo = json.load(open(os.path.join(out, "pages.json")))
    for grade in grades:
        files = [image_of(out, grade, p) for p in todo]
        status = subprocess.run([program, "convert", *files, "-f", "json", "-o", os.path.join(out, "docparse", grade),
                                 "--progress", "none"]).returncode
        if status:
            print(f"docparse: exit {status} on {grade}")
        os.makedirs(os.path.join(out, "tesseract", grade), exist_ok=True)
        for p in todo:
            target = os.path.join(out, "tesseract", grade, p["id"])
            if not os.path.exists(target + ".tsv"):
                subprocess.run(["tesseract", image_of(out, grade, p), target, "-l", p["language"], "tsv"],
                               check=True, capture_output=True)


def docparse_words(path, size):
    """Words in pixels of an image of this size: pages whose pixels are not square are read resampled."""
    document = json.load(open(path, encoding="utf-8"))
    page = document["pages"][0]
    sx, sy = size[0] / page["width"], size[1] / page["height"]
    lines = []

    def walk(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "lines":
                    lines.extend(value)
                else:
                    walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    for line in lines:
        for w in line.get("words") or [line]:
            b = w["bbox"]
            yield (b["x0"] + b["x1"]) / 2 * sx, (b["y0"] + b["y1"]) / 2 * sy, w["text"]


def tesseract_words(path):
    rows = open(path, encoding="utf-8").read().split("\n")[1:]
    for row in rows:
        f = row.split("\t")
        if len(f) == 12 and f[0] == "5":
            x, y, w, h = map(float, f[6:10])
            yield x + w / 2, y + h / 2, f[11]


def errors_of(words, truth, back):
    from rapidfuzz.distance import Levenshtein
    got = [""] * len(truth)
    for x, y, text in words:
        v = back @ [x, y, 1.0]
        x, y = v[0] / v[2], v[1] / v[2]
        inside = [(min(x - b[0], b[2] - x), i) for i, b in enumerate(truth)
                  if b[0] - 6 <= x <= b[2] + 6 and b[1] - 4 <= y <= b[3] + 4]
        if inside:
            got[max(inside)[1]] += text
    wrong = total = 0
    for b, text in zip(truth, got):
        want = norm(b[4])
        total += len(want)
        wrong += Levenshtein.distance(want, norm(text))
    return wrong, total


def score(out):
    from PIL import Image
    todo = json.load(open(os.path.join(out, "pages.json")))
    print(f"{'grade':8s} {'script':6s} {'pages':>5s} {'chars':>7s} {'docparse':>9s} {'tesseract':>9s}")
    for grade in GRADES:
        if not os.path.isdir(os.path.join(out, "docparse", grade)):
            continue
        for script in ("latin", "cjk"):
            sums = {"docparse": 0, "tesseract": 0}
            chars = n = 0
            for p in todo:
                if p["script"] != script:
                    continue
                back = np.linalg.inv(np.array(p["map"][grade]))
                with Image.open(image_of(out, grade, p)) as picture:
                    words = docparse_words(os.path.join(out, "docparse", grade, p["id"] + ".json"), picture.size)
                a, total = errors_of(words, p["truth"], back)
                b, _ = errors_of(tesseract_words(os.path.join(out, "tesseract", grade, p["id"] + ".tsv")), p["truth"], back)
                sums["docparse"] += a
                sums["tesseract"] += b
                chars += total
                n += 1
                if "-v" in sys.argv:
                    print(f"  {grade} {p['id']} {os.path.basename(p['file'])} {p['page']}: {a / total:.4f} {b / total:.4f}")
            print(f"{grade:8s} {script:6s} {n:5d} {chars:7d} {sums['docparse'] / chars:9.4f} {sums['tesseract'] / chars:9.4f}")


def main():
    args = [a for a in sys.argv[1:] if a != "-v"]
    if len(args) == 4 and args[0] == "make":
        make(*args[1:])
    elif len(args) >= 3 and args[0] == "read":
        read(args[1], args[2], args[4:] if args[3:4] == ["--grades"] else GRADES)
    elif len(args) == 2 and args[0] == "score":
        score(args[1])
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
