# SPDX-License-Identifier: Apache-2.0
"""Running the real program: a fresh folder a test, and makers of small inputs. Python's standard library only."""
import hashlib, json, os, shutil, struct, subprocess, sys, tempfile, unittest, zlib

PROGRAM = os.environ["DOCPARSE"]
SOURCE = os.environ["DP_SOURCE"]
MODELS = os.environ["DOCPARSE_MODELS"]
QUICK = os.environ.get("DP_E2E_QUICK") == "1"  # sanitizer builds: fewer pages, every kind still there
SAMPLES = os.path.join(SOURCE, "corpora", "samples")
with open(PROGRAM, "rb") as f:
    THREAD_SANITIZER = b"__tsan_init" in f.read()
SLOWER = 10 if THREAD_SANITIZER else 3 if QUICK else 1  # times that the program itself keeps to are so much longer in tests
SLOW_PAGES = () if SLOWER == 1 else ("--page-seconds", str(120 * SLOWER))  # for servers that are not told otherwise
PATIENCE = 120 * SLOWER  # seconds for what comes at once on an idle machine: only what never comes may fail for the time
OK, FAILED, USAGE, SETUP, INTERRUPTED = 0, 1, 2, 3, 130


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


class Case(unittest.TestCase):
    longMessage = True
    maxDiff = 4000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="docparse-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.out = self.at("out")

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, data):
        path = self.at(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def run_program(self, *args, code=None, stdin=b"", env=None, before=None, timeout=300):
        done = subprocess.run([PROGRAM, *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder,
                              env=dict(os.environ, **(env or {})), preexec_fn=before, timeout=timeout)
        result = Result(done)
        if code is not None:
            self.assertEqual(result.code, code, "docparse %s\n%s%s" % (" ".join(args), result.out, result.err))
        return result

    def convert(self, *args, code=OK, **kw):
        return self.run_program("convert", *args, "-o", self.out, code=code, **kw)

    def results(self):
        """All files below the output folder, by relative name."""
        return sorted(os.path.relpath(os.path.join(d, n), self.out) for d, _, names in os.walk(self.out) for n in names)

    def json(self, stem):
        with open(os.path.join(self.out, stem + ".json"), encoding="utf-8") as f:
            return json.load(f)

    def bytes_of(self, name):
        with open(os.path.join(self.out, name), "rb") as f:
            return f.read()

    def names_error(self, result, where, reason, *words):
        """An error line names the file, the reason code and what to do."""
        lines = [l for l in result.err.splitlines() if where in l and "error" in l]
        self.assertTrue(lines, "no error line names %s:\n%s" % (where, result.err))
        self.assertTrue(any("[%s]" % reason in l and all(w in l for w in words) for l in lines), "%s %s not in:\n%s" % (reason, words, "\n".join(lines)))


def texts(document):
    return "\n".join(b["text"] for p in document["pages"] for b in p["blocks"])


def main():
    if not os.path.exists(os.path.join(MODELS, "PP-OCRv6_det_small.onnx")):
        print("SKIP: no models in %s (deploy/models.sh fetches them)" % MODELS)
        sys.exit(77)
    unittest.main(verbosity=1)


# ---- inputs -------------------------------------------------------------------------------------------

def pdf(pages, encrypt=None):
    """A PDF with one line of Helvetica per text line; `pages` is a list of lists of lines, or of bytes (a content stream)."""
    objects, kids = [], []
    ident = hashlib.md5(repr(pages).encode()).digest()
    font = 3
    objects.append((1, b"<</Type/Catalog/Pages 2 0 R>>", None))
    objects.append((font, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>", None))
    number = 4
    for page in pages:
        content = page
        if not isinstance(page, bytes):
            rows = b"".join(b"(%s) Tj 0 -20 Td " % t.encode("latin-1").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") for t in page)
            content = b"BT /F1 12 Tf 72 700 Td " + rows + b"ET"
        kids.append(number)
        objects.append((number, b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 792]/Contents %d 0 R/Resources<</Font<</F1 %d 0 R>>>>>>" % (number + 1, font), None))
        objects.append((number + 1, b"", content))
        number += 2
    objects.append((2, b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(b"%d 0 R" % k for k in kids)), None))
    key = None
    if encrypt is not None:
        key, entry = encryption(encrypt, ident)
        objects.append((number, entry, None))
    out, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), {}
    for n, body, stream in sorted(objects, key=lambda o: o[0]):
        places[n] = len(out)
        out += b"%d 0 obj\n" % n
        if stream is None:
            out += body
        else:
            flate = stream.startswith(b"x\x9c") or stream.startswith(b"x\xda")
            if key:
                stream = rc4(hashlib.md5(key + struct.pack("<I", n)[:3] + b"\0\0").digest()[:10], stream)
            out += b"<</Length %d%s>>stream\n" % (len(stream), b"/Filter/FlateDecode" if flate else b"") + stream + b"\nendstream"
        out += b"\nendobj\n"
    start, count = len(out), max(places) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % count
    for n in range(1, count):
        out += b"%010d 00000 n \n" % places[n]
    extra = b"/Encrypt %d 0 R" % number if key else b""
    hexid = ident.hex().encode()
    return bytes(out + b"trailer<</Size %d/Root 1 0 R%s/ID[<%s><%s>]>>\nstartxref\n%d\n%%%%EOF\n" % (count, extra, hexid, hexid, start))


def rc4(key, data):
    s, j = list(range(256)), 0
    for i in range(256):
        j = (j + s[i] + key[i % len(key)]) & 255
        s[i], s[j] = s[j], s[i]
    i, j, out = 0, 0, bytearray()
    for byte in data:
        i = (i + 1) & 255
        j = (j + s[i]) & 255
        s[i], s[j] = s[j], s[i]
        out.append(byte ^ s[(s[i] + s[j]) & 255])
    return bytes(out)


def encryption(password, ident):
    """Standard security handler, revision 2: 40-bit RC4 (ISO 32000-1, 7.6.3)."""
    pad = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    padded = (password.encode() + pad)[:32]
    owner = rc4(hashlib.md5(padded).digest()[:5], padded)
    allowed = -4
    key = hashlib.md5(padded + owner + struct.pack("<i", allowed) + ident).digest()[:5]
    return key, b"<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P %d>>" % (owner.hex().encode(), rc4(key, pad).hex().encode(), allowed)


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, grey=255, depth=8, rows=None):
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    row = b"\0" + bytes([grey]) * ((width * depth + 7) // 8)
    body = zlib.compress(b"".join(b"\0" + r for r in rows) if rows else row * height, 6)
    return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def tiff(pages, loop=False, width=None, height=None):
    """Grey uncompressed pages [(width, height, grey)], 16 rows a strip; loop: the last directory points at the first."""
    out, firsts = bytearray(b"II*\0\0\0\0\0"), []
    for w, h, grey in pages:
        strips = []
        for y in range(0, h, 16):
            strips.append((len(out), w * min(16, h - y)))
            out += bytes((grey - (x * 7 + y) % 3) & 255 for x in range(w)) * min(16, h - y)
        arrays = {}
        for tag, values in ((273, [s[0] for s in strips]), (279, [s[1] for s in strips])):
            arrays[tag] = len(out)
            out += struct.pack("<%dI" % len(values), *values)
        firsts.append(len(out))
        entries = [(256, 4, 1, width or w), (257, 4, 1, height or h), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
                   (273, 4, len(strips), arrays[273] if len(strips) > 1 else strips[0][0]), (277, 3, 1, 1), (278, 4, 1, 16),
                   (279, 4, len(strips), arrays[279] if len(strips) > 1 else strips[0][1])]
        out += struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries) + b"\0\0\0\0"
    at = 4
    for first in firsts:
        struct.pack_into("<I", out, at, first)
        at = first + 2 + 12 * 9
    if loop:
        struct.pack_into("<I", out, at, firsts[0])
    return bytes(out)


def noise(width, height):
    """Rows of faint paper grain: bytes that do not compress away, and no text."""
    state, rows = 12345, []
    for _ in range(height):
        row = bytearray()
        for _ in range(width):
            state = (state * 1103515245 + 12345) & 0x7fffffff
            row.append(250 + ((state >> 16) % 6))
        rows.append(bytes(row))
    return rows
