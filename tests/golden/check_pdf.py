# SPDX-License-Identifier: Apache-2.0
"""Words of searchable PDFs where they belong: check_pdf.py WRITE_PDF [SOURCE.pdf...]

Writes pages of words over pictures, over PDFs that this script makes (every rotation, crop boxes, inherited entries, contents in pieces), and over each
SOURCE; reads them back with `pdftotext -bbox` and demands every word within one point of its box. The original pages must look the
same as before (pdftoppm), and everything must pass through Poppler without complaint.
"""
import html, json, os, re, subprocess, sys, tempfile

TOLERANCE = 1.0  # points


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0 or done.stderr.replace(b"no word list\n", b""):  # what pdftotext says of a page without text
        raise ValueError("%s: %s" % (command[0], done.stderr.decode("utf-8", "replace")[:300] or done.returncode))
    return done.stdout


def make_pdf(pages, shared=""):
    """A PDF of (page entries, contents) with correct cross references."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>",
               "<< /Type /Pages /Count %d /Kids [ %s ] %s >>" % (len(pages), " ".join("%d 0 R" % (4 + 3 * i) for i in range(len(pages))), shared),
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for i, (entries, contents) in enumerate(pages):
        objects.append("<< /Type /Page /Parent 2 0 R %s /Contents [ %d 0 R %d 0 R ] >>" % (entries, 5 + 3 * i, 6 + 3 * i))
        half = contents.index("|")
        for part in (contents[:half], contents[half + 1:]):
            objects.append("<< /Length %d >>\nstream\n%s\nendstream" % (len(part), part))
    out, offsets = b"%PDF-1.4\n", []
    for i, text in enumerate(objects):
        offsets.append(len(out))
        out += ("%d 0 obj\n%s\nendobj\n" % (i + 1, text)).encode("latin-1")
    start = len(out)
    out += ("xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)).encode("latin-1")
    out += "".join("%010d 00000 n \n" % o for o in offsets).encode("latin-1")
    return out + ("trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)).encode("latin-1")


# The contents leave a changed matrix behind: our text must not be moved by it.
CONTENTS = "0.9 0.95 1 rg 100 100 300 400 re f 2 0 0 2 30|0 40 cm 1 0 0 rg 10 10 50 50 re f"
TURNED = make_pdf([("/Rotate %d /MediaBox [ 0 0 600 800 ] /CropBox [ 20 40 570 790 ]" % angle, CONTENTS) for angle in (0, 90, 180, 270, -90, 450)])
INHERITED = make_pdf([("", CONTENTS), ("/Resources << >>", CONTENTS)],
                     "/MediaBox [ -50 -20 545 822 ] /Rotate 90 /Resources << /Font << /F1 3 0 R >> >>")


def words_of(pdf):
    """Per page: size and words as (text, box)."""
    turned = re.findall(r"Page +\d+ rot: +(\d+)", run("pdfinfo", "-f", "1", "-l", "9999", pdf).decode("utf-8", "replace"))
    text = run("pdftotext", "-cropbox", "-bbox", pdf, "-").decode("utf-8")
    pages = []
    for page in re.split("<page ", text)[1:]:
        size = [float(v) for v in re.search('width="([^"]*)" height="([^"]*)"', page).groups()]
        if turned[len(pages)] in ("90", "270"):
            size.reverse()  # it gives the size before turning, and places behind it
        words = re.findall('<word xMin="([^"]*)" yMin="([^"]*)" xMax="([^"]*)" yMax="([^"]*)">(.*?)</word>', page, re.S)
        pages.append((size, [(html.unescape(w[4]), [float(v) for v in w[:4]]) for w in words]))
    return pages


def compare(pdf, document, whole):
    """Errors; with whole there are no other words on the pages."""
    worst, count = 0.0, 0
    pages = words_of(pdf)
    for page, (size, found) in zip(document["pages"], pages):
        sx, sy = size[0] / page["width"], size[1] / page["height"]
        wanted = [(w["text"], w["bbox"]) for b in page["blocks"] for l in b["lines"] for w in l["words"]]
        left = list(found)
        for text, box in wanted:
            want = [box["x0"] * sx, box["y0"] * sy, box["x1"] * sx, box["y1"] * sy]
            same = [w for w in left if w[0] == text]
            best = min(same, key=lambda w: max(abs(a - b) for a, b in zip(w[1], want)), default=None)
            distance = max(abs(a - b) for a, b in zip(best[1], want)) if best else 1e9
            worst, count = max(worst, distance), count + 1
            if distance > TOLERANCE:
                yield "page %d: the word %s belongs to %s and is %s" % (page["number"], text, want, best)
            else:
                left.remove(best)
        if whole and left:
            yield "page %d: %d words too many: %s" % (page["number"], len(left), left[:5])
    print("%s: %d pages, %d words, at most %.3f points away" % (os.path.basename(pdf), len(pages), count, worst))
    if count == 0:
        yield "no words"


def looks(pdf, folder, page):
    name = os.path.join(folder, "look")
    run("pdftoppm", "-r", "50", "-f", str(page), "-l", str(page), "-singlefile", pdf, name)
    return open(name + ".ppm", "rb").read()


def over(program, folder, name, data, size):
    """Errors of words over an original file."""
    source, pdf, result = (os.path.join(folder, name + end) for end in (".source.pdf", ".pdf", ".json"))
    open(source, "wb").write(data)
    pages = int(re.search(r"Pages: +(\d+)", run("pdfinfo", source).decode("utf-8", "replace")).group(1))
    before = [w for _, words in words_of(source) for w in words]
    run(program, pdf, result, str(pages), str(size[0]), str(size[1]), source)
    yield from compare(pdf, json.load(open(result, encoding="utf-8")), not before)
    for page in range(1, pages + 1):
        if looks(pdf, folder, page) != looks(source, folder, page):
            yield "page %d of %s looks different" % (page, name)


def main():
    program, errors = sys.argv[1], []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        pdf, result = os.path.join(folder, "pictures.pdf"), os.path.join(folder, "pictures.json")
        run(program, pdf, result, "2", "1240", "1754")
        errors += compare(pdf, json.load(open(result, encoding="utf-8")), True)
        errors += over(program, folder, "turned", TURNED, (1100, 1500))
        errors += over(program, folder, "inherited", INHERITED, (1300, 900))
        for path in sys.argv[2:]:
            errors += over(program, folder, os.path.basename(path)[:-4], open(path, "rb").read(), (1240, 1754))
    for error in errors[:40]:
        print(error)
    return 1 if errors else 0


sys.exit(main())
