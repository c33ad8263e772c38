# SPDX-License-Identifier: Apache-2.0
"""Bad input of every kind: a clear error (file, page, reason code, advice), the right exit code, other inputs unharmed, no partial
output, and never a crash."""
import base64, os, resource, shutil, struct, unittest, zlib

from e2e import (FAILED, MODELS, OK, PROGRAM, QUICK, SETUP, Case, main, noise, pdf, png, png_chunk, texts, tiff)

CUTS = 10 if QUICK else 50

# 64 x 48 grey pixels of paper grain, baseline JPEG.
JPEG = base64.b64decode("""
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQIBAQEBAQMCAgECAwMDAwMDAwMEBAUEBAQFBAMDBQYFBQUGBgYGAwQHBwcGBwUGBgb/wAALCAAwAEABAREA/8QAHwAAAQUBAQ
EBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW
V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AP75FYjCt8rAEO
3C7QAOn8/ypFbl8jIIw5ZQABz3z9f196ekjFuihY+coc7DyBkDP5cYxRt34jXA8vhyD1HIAwD3OfzqOTa+HRGYEsx3HG88Dj8cdP0oWRi+wllGOSW+YD1HYd+fSnuGdwRGgJUlWYdMfkfx/wAKMbTw
TtUfMquTx14z+WR6nvTTI+1iG5ZQy46HnJPHGOxNOLx/MT85diy5wwxnk46cev8AgQGsxCKFZy2MbhnhvTOcA/8A1qcdp2kLtJYx8cbgBxwPXPWk3YIXc2d33Tu+UcADg/jg9M0pP7snZh2fbkqWKH
JIwfpxSFQCV2sMglQX56/QnNOMh+Vdg2KgZccCT0x+P+eaaMuQX811Y4VXz3P5fj+XSkwybmUBdq7SxkOcf5A7du3Z38JXiMMdo3R/eOMHA6Dt/k1GWMvAYnB2qkqggZ57d/8APak3KCMDJLCQADIf
gcAfUfp+T1GCrMG4YkLtI3kdMD16/wAuM0hxuLMoOAAdseAT09P8n8DTwpDnczGMnA3ZOP8AI7/4VIzrjMuApww5yc46Z/GoSEUBQWJZgwCZy4O4H26fjxQUbOWO4Sc4JOD9D1P/ANenFigUMwj3Lt
O5ecf17/5xSFtu9uUUqDIMfxZ5OfX26U1htw3QKcjCEDvkDrg8fr7UoAH3SAT8kSg+uCec4/i/zxTwhzuIL5wQwbPmLjp656/l71FIz5RXXDO5P3QfTpxz14+tPLq258I77d5YP93nkA544IpWVG24
IZ3XG7GS+Dzj88fgaDkhchmVieS/HUYJI6c+np+NMKgBztDKCdzrlSCCPbg8/wAvSnqSjbdhJTjeCcN6/wAz7/nTUUbwNj9QQzrkjJ4yevP6YB705CAVCj5Wcbwr8owwevpxSMTtjViPnK7eegx0z+
X+BoTaecAhgQAg5BHQZB7jt/OlJGdu7eR94g/6k9c5/r+XeohID5Q3FQBuICgc8cjt79exqYHgu/mFGG9XVjgEcn9Op/Cojk53hyxGUid8gnkc9KlUY4PRhvIZsh+Tu9Rnp6/Skdhjc0bD5N+1+Bwf
T1xgdPzr/9k=
""")


class Bad(Case):
    def setUp(self):
        super().setUp()
        self.write("good.pdf", pdf([["other inputs are unharmed"]]))

    def fails(self, name, data, reason, *words, args=(), page=None):
        """Converts the bad file between two uses of a good one."""
        if data is not None:
            self.write(name, data)
        result = self.convert("good.pdf", name, "-f", "json,html", *args, code=FAILED)
        self.names_error(result, name, reason, *words)
        self.assertIn("1 of 2 inputs failed or are incomplete:\n  %s [%s]\n" % (name, reason), result.err)
        if page:
            self.names_error(result, name, reason, "page %d:" % page)
        self.assertEqual(self.results(), ["good.html", "good.json"])
        return result


class Files(Bad):
    def test_empty_file(self):
        self.fails("empty.pdf", b"", "format", "empty", "check")

    def test_text_named_pdf(self):
        self.fails("notes.pdf", "Dear reader,\nthis is no PDF.\n", "unsupported", "plain text", "are read")

    def test_folder_named_pdf_and_missing(self):
        self.fails("missing.pdf", None, "not_found", "check the path")

    def test_no_pages(self):
        self.fails("none.pdf", pdf([]), "format", "no pages")

    def test_encrypted(self):
        self.fails("locked.pdf", pdf([["secret"]], encrypt="x"), "password", "--password-file")
        self.write("pw", "y\n")
        self.fails("locked.pdf", None, "password", "--password-file", args=("--password-file", "pw"))

    def test_unreadable(self):
        # Reading it fails with EIO, whoever runs the test.
        self.fails("/proc/self/mem", None, "io")
        path = self.write("secret.pdf", pdf([["secret"]]))
        os.chmod(path, 0)
        if os.geteuid() != 0:
            self.fails("secret.pdf", None, "io", "Permission denied", "permissions")
            return
        self.out = self.at("out-of-another")
        os.chmod(self.folder, 0o777)
        result = self.run_program("version", before=lambda: os.setuid(65534)) if self.reachable() else None
        if result and result.code == OK:
            os.makedirs(self.out, exist_ok=True)
            os.chmod(self.out, 0o777)
            denied = self.run_program("convert", "good.pdf", "secret.pdf", "-f", "json", "-o", self.out, "--models", MODELS, before=lambda: os.setuid(65534))
            self.assertEqual(denied.code, FAILED, denied.err)
            self.names_error(denied, "secret.pdf", "io", "Permission denied", "permissions")
            self.assertEqual(self.results(), ["good.json"])

    def reachable(self):
        """Whether another user can run the program and read the models."""
        for path in (PROGRAM, MODELS):
            path = os.path.realpath(path)
            while path != "/":
                if not os.stat(path).st_mode & 0o001:
                    return False
                path = os.path.dirname(path)
        return True


class Truncated(Bad):
    """Cut at many places: damaged, partial or failed, but no crash and no silence."""

    def cut(self, data, ending, places=CUTS):
        for i in range(places):
            self.write("cut/%02d%s" % (i, ending), data[:max(1, len(data) * i // places)])
        self.write("cut/whole" + ending, data)
        result = self.convert("cut", "-f", "json", code=FAILED)
        done = [r for r in self.results() if r.endswith(".json")]
        self.assertIn("whole.json", done)
        self.assertEqual(self.json("whole")["status"], "ok")
        for i in range(places):
            stem = "%02d" % i
            if stem + ".json" in done:
                status = self.json(stem)["status"]
                if status == "ok":
                    continue
                self.assertEqual(status, "partial", stem)
            self.assertRegex(result.err, r"error: cut/%s[^\n]*\[\w+\]" % (stem + ending).replace(".", r"\."))
        self.assertEqual([r for r in self.results() if not r.endswith(".json")], [])
        return done

    def test_pdf(self):
        done = self.cut(pdf([["page %d" % n, "of a document that is cut short"] for n in range(6)]), ".pdf")
        self.assertGreater(len(done), 0)

    def test_png(self):
        self.assertGreater(len(self.cut(png(64, 48, rows=noise(64, 48)), ".png")), 3)

    def test_tiff(self):
        self.cut(tiff([(64, 48, 250), (64, 48, 240)]), ".tif")

    def test_jpeg(self):
        self.assertGreater(len(self.cut(JPEG, ".jpg")), 3)


class Huge(Bad):
    def limited(self, *args, **kw):
        """No more than 3 GiB of address space (sanitizers need more: they are not limited)."""
        def before():
            resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
        return self.convert("-j", "2", *args, before=None if QUICK else before, **kw)  # many processors would reserve more by themselves

    def refused(self, name, data, reason, *words):
        self.write(name, data)
        result = self.limited(name, "good.pdf", "-f", "json", code=FAILED)
        self.names_error(result, name, reason, *words)
        self.assertEqual(self.results(), ["good.json"])

    def test_png_header(self):
        head = struct.pack(">IIBBBBB", 100000, 100000, 8, 2, 0, 0, 0)
        data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + png_chunk(b"IEND", b"")
        self.refused("huge.png", data, "limit", "100000", "pixels")

    def test_tiff_header(self):
        self.refused("huge.tif", tiff([(64, 48, 250)], width=100000, height=100000), "limit", "100000")

    def test_jpeg_header(self):
        at = JPEG.index(b"\xff\xc0") + 5
        self.refused("huge.jpg", JPEG[:at] + struct.pack(">HH", 65500, 65500) + JPEG[at + 4:], "limit", "65500")

    def test_png_bomb(self):
        # 144 million pixels in some kilobytes: read at a fraction of its size, and said so.
        side = 4000 if QUICK else 12000
        self.write("bomb.png", png(side, side, 255, depth=1))
        result = self.limited("bomb.png", "good.pdf", "-f", "json", "--max-pixels", "4000000", code=OK)
        self.assertRegex(result.err, r"bomb\.png: page 1: reduced .*limit")
        page = self.json("bomb")["pages"][0]
        self.assertLessEqual(page["width"] * page["height"], 4000000)
        self.assertTrue(any("reduced" in w for w in page["warnings"]))

    def test_pdf_bomb(self):
        # A content stream of 256 MB in 256 kB: its page runs out of time, the next one is read.
        self.write("bomb.pdf", pdf([zlib.compress(b"q Q\n" * (1 << (22 if QUICK else 26)), 6), ["a normal page"]]))
        result = self.limited("bomb.pdf", "good.pdf", "-f", "json", "--page-seconds", "3", code=None)
        self.assertIn(result.code, (OK, FAILED))
        if result.code == FAILED:
            self.names_error(result, "bomb.pdf", "deadline", "page 1:")
        self.assertIn("a normal page", texts(self.json("bomb")))
        self.assertIn("good.json", self.results())


class Odd(Bad):
    def test_loop_of_directories(self):
        self.write("loop.tif", tiff([(64, 48, 250), (64, 48, 250)], loop=True))
        result = self.convert("loop.tif", "good.pdf", "-f", "json", code=FAILED)
        self.names_error(result, "loop.tif", "format", "page 2:", "circle")
        self.assertEqual(self.json("loop")["status"], "partial")
        self.assertIn("good.json", self.results())
        self.assertEqual(len(self.json("loop")["pages"]), 2)

    def test_page_without_text(self):
        self.write("blank.png", png(300, 200))
        self.write("blank.pdf", pdf([[]]))
        self.convert("blank.png", "blank.pdf", "-f", "json,html,md,text")
        for stem in ("blank.png", "blank.pdf"):
            self.assertEqual(self.json(stem)["status"], "ok")
            self.assertEqual(self.json(stem)["pages"][0]["blocks"], [])

    def test_black_page(self):
        self.write("black.png", png(300, 200, 0))
        self.convert("black.png", "-f", "json,html,md,text")
        self.assertEqual(texts(self.json("black")).strip(), "")
        self.assertEqual(self.json("black")["status"], "ok")

    def test_bad_page_of_a_document(self):
        # The second page's content is rubbish of its filter: the others are there, whatever becomes of it.
        self.write("mixed.pdf", pdf([["first page"], b"x\x9c" + b"rubbish" * 9, ["third page"]]))
        self.convert("mixed.pdf", "-f", "json", code=None)
        document = self.json("mixed")
        self.assertEqual([p["number"] for p in document["pages"]], [1, 2, 3])
        self.assertIn("third page", texts(document))


class Disk(Bad):
    def test_file_size_limit(self):
        self.write("long.pdf", pdf([["line %d of page %d" % (i, n) for i in range(30)] for n in range(20)]))

        def before():
            resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
        result = self.convert("long.pdf", "good.pdf", "-f", "json,html", code=FAILED, before=before)
        self.names_error(result, "long.pdf", "io", "writing")
        self.assertEqual(self.results(), ["good.html", "good.json"])

    def test_full_disk(self):
        shim = os.environ.get("DP_ENOSPC_SHIM")
        if not shim or QUICK:  # a preloaded library and the address sanitizer do not go together
            self.skipTest("no shim for this build")
        self.write("long.pdf", pdf([["line %d of page %d" % (i, n) for i in range(30)] for n in range(20)]))
        env = {"LD_PRELOAD": shim, "DP_DISK_BYTES": "30000", "DP_DISK_BELOW": self.out}
        result = self.convert("good.pdf", "long.pdf", "-f", "json,html", "--resume", code=FAILED, env=env)
        self.names_error(result, "long.pdf", "io", "No space left on device", "free space")
        self.assertEqual([r for r in self.results() if not r.startswith("docparse-manifest")], ["good.html", "good.json"])
        self.convert("good.pdf", "long.pdf", "-f", "json,html", "--resume")  # after making room
        self.assertIn("long.json", self.results())

    def test_short_reads_and_writes(self):
        shim = os.environ.get("DP_ENOSPC_SHIM")
        if not shim or QUICK:
            self.skipTest("no shim for this build")
        data = pdf([["line %d of page %d" % (i, n) for i in range(30)] for n in range(3)])
        self.write("long.pdf", data)
        whole, self.out = self.out, self.at("out2")
        env = {"LD_PRELOAD": shim, "DP_SHORT_IO": "777", "DP_DISK_BELOW": self.out}
        self.convert("long.pdf", "-", "-f", "json,html,md", stdin=data, env=env)
        short = {n: self.bytes_of(n) for n in self.results()}
        self.out = whole
        self.convert("long.pdf", "-", "-f", "json,html,md", stdin=data)
        self.assertEqual({n: self.bytes_of(n) for n in self.results()}, short)
        self.assertEqual(len(short), 6)

    def test_unwritable_output(self):
        self.write("taken", "a file where the folder should be")
        self.out = self.at("taken", "out")
        self.names_error(self.convert("good.pdf", code=FAILED), "good.pdf", "io", "-o")


class Models(Bad):
    def models(self, change):
        """A models folder of links with one file changed; returns it."""
        folder = self.at("models")
        os.makedirs(folder)
        for name in os.listdir(MODELS):
            if name.endswith(".onnx"):
                os.symlink(os.path.realpath(os.path.join(MODELS, name)), os.path.join(folder, name))
        change(folder)
        return folder

    def setup_fails(self, change, reason, *words):
        folder = self.models(change)
        result = self.convert("good.pdf", "--models", folder, code=SETUP)
        self.names_error(result, "", reason, *words)
        self.assertEqual(self.results(), [])
        checked = self.run_program("models", "verify", "--models", folder, code=SETUP)
        self.assertIn("BAD", checked.out)

    @staticmethod
    def replaced(name, data):
        def change(folder):
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                whole = f.read()
            os.remove(path)
            with open(path, "wb") as f:
                f.write(data(whole))
        return change

    def test_missing_folder(self):
        self.names_error(self.convert("good.pdf", "--models", "nowhere", code=SETUP), "nowhere", "not_found", "deploy/models.sh")

    def test_missing_file(self):
        self.setup_fails(lambda folder: os.remove(os.path.join(folder, "PP-OCRv6_rec_small.onnx")), "not_found", "PP-OCRv6_rec_small.onnx", "deploy/models.sh")

    def test_cut_file(self):
        self.setup_fails(self.replaced("PP-OCRv6_det_small.onnx", lambda d: d[:100000]), "format", "PP-OCRv6_det_small.onnx", "deploy/models.sh")

    def test_flipped_bit(self):
        self.setup_fails(self.replaced("PP-OCRv6_det_small.onnx", lambda d: d[:5000000] + bytes([d[5000000] ^ 16]) + d[5000001:]), "format", "sha256")

    def test_rubbish(self):
        self.setup_fails(self.replaced("PP-OCRv6_det_small.onnx", lambda d: b"not a network\n"), "format", "deploy/models.sh")


if __name__ == "__main__":
    main()
