# SPDX-License-Identifier: Apache-2.0
"""`docparse convert` on good inputs: samples, formats, names, pages, resume, shards, standard input, the same bytes each time."""
import json, os, re, signal, subprocess, time, unittest

from e2e import (FAILED, INTERRUPTED, OK, PATIENCE, PROGRAM, QUICK, SAMPLES, SOURCE, USAGE, Case, main, pdf, png, texts)

MANIFEST = [json.loads(l) for l in open(os.path.join(SOURCE, "corpora", "manifest.jsonl"), encoding="utf-8")]
SCHEMA = os.path.join(SOURCE, "schemas", "json", "document.schema.json")


def squeezed(text):
    return re.sub(r"\s+", "", text)


def formats(self):
    helped = self.run_program("convert", "--help", code=OK).out
    return re.findall(r"^ {29}(\S+) .*\((\.[\w.-]+)\)$", helped, re.M)


class Samples(Case):
    """All samples once, in every format that leaves a single file."""

    def test_samples(self):
        chosen = [m for m in MANIFEST if not QUICK or m["file"].endswith(("form.pdf", "report.pdf", "chinese.png"))]
        known = formats(self)
        self.assertTrue({"json", "html", "md", "text"} <= {n for n, _ in known})
        self.convert(*[os.path.join(SOURCE, "corpora", m["file"]) for m in chosen], "-f", ",".join(n for n, _ in known))
        validate = self.validator()
        for entry in chosen:
            name = os.path.basename(entry["file"])
            stem = os.path.splitext(name)[0]
            with self.subTest(name):
                document = self.json(stem)
                validate(document)
                self.check_document(document, entry, name)
                for _, extension in known:
                    if extension.count(".") == 1 and extension not in (".tables", ".figures"):
                        self.assertTrue(os.path.getsize(os.path.join(self.out, stem + extension)) > 0, extension)
                for phrase in entry["phrases"]:
                    self.assertIn(squeezed(phrase), squeezed(texts(document)))
                    self.assertIn(squeezed(phrase), squeezed(self.bytes_of(stem + ".txt").decode("utf-8")))

    def test_page_of_the_readme(self):
        """What the README's picture shows of report.pdf: tables between rules, numbered items, no formula."""
        self.convert(os.path.join(SOURCE, "corpora", "samples", "report.pdf"), "-f", "json")
        blocks = [b for p in self.json("report")["pages"] for b in p["blocks"]]
        first, second = ([[c["text"] for c in b["table"]["cells"] if c["row"] == r] for r in range(b["table"]["rows"])]
                         for b in blocks if b["type"] == "table")
        self.assertEqual(first, [["Sector", "Year", "Change"], ["2022", "2023", "2024"], ["Households", "1,432", "1,421", "1,398", "\u22121.6 %"],
                                 ["Industry", "731", "702", "651", "\u22127.3 %"], ["Public buildings", "188", "191", "190", "\u22120.5 %"],
                                 ["Losses", "203", "176", "171", "\u22122.8 %"], ["Total", "2,554", "2,490", "2,410", "\u22123.2 %"]])
        self.assertEqual([row[0] for row in second], ["Substance", "Nitrate", "Chloride", "Sulphate"])
        self.assertEqual([b["marker"] for b in blocks if b["type"] == "list_item"], ["\u2022"] * 4 + ["1.", "2.", "3."])
        self.assertEqual([b["text"] for b in blocks if b["type"] in ("title", "heading") and not b["text"].endswith("2025")],
                         ["Water use of the town of Arnsholt, 2024", "1 Summary", "2 Demand by sector", "3 Quality",
                          "3.1 Sampling", "3.2 Results", "4 Outlook"])
        self.assertFalse([b["text"] for b in blocks if b["type"] == "formula"])

    def test_columns_of_a_paper(self):
        """Columns as LaTeX sets them, 1 em apart: each is read to its foot, with the formulas that fill it."""
        self.convert(os.path.join(SOURCE, "corpora", "samples", "paper.pdf"), "-f", "json,md")
        blocks = self.json("paper")["pages"][0]["blocks"]
        heads = [b["text"].split()[0] for b in blocks if b["type"] in ("title", "heading")]
        self.assertEqual([h for h in heads if h[0] in "12345R"], ["1", "2", "3", "4", "5", "References"])
        self.assertGreaterEqual(len([b for b in blocks if b["type"] == "formula"]), 6)
        self.assertIn("slow down, stop and spread. The effect decides where silt settles in reservoirs and how plankton", self.bytes_of("paper.md").decode())

    def validator(self):
        try:
            import jsonschema
        except ImportError:
            print("NOTE: python3-jsonschema is not installed: the schema is not checked")
            return lambda document: None
        if not os.path.exists(SCHEMA):
            return lambda document: None
        with open(SCHEMA, encoding="utf-8") as f:
            schema = json.load(f)
        return jsonschema.Draft202012Validator(schema).validate

    def check_document(self, document, entry, name):
        self.assertEqual(document["schema_version"], "1.0")
        self.assertEqual(document["status"], "ok")
        self.assertEqual(document["source"]["name"], name)
        self.assertEqual(document["source"]["sha256"], entry["sha256"])
        self.assertEqual(document["source"]["page_count"], entry["expected"]["pages"])
        self.assertEqual([p["number"] for p in document["pages"]], list(range(1, entry["expected"]["pages"] + 1)))
        for page in document["pages"]:
            self.assertEqual(page["status"], "ok")
            self.assertEqual((page["language"], page["script"]), ("zh-Hans", "Hans") if name == "chinese.png" else ("en", "Latn"))
            self.assertEqual(sorted(b["order"] for b in page["blocks"]), list(range(len(page["blocks"]))))
            for block in page["blocks"]:
                box = block.get("bbox")
                if box:
                    self.assertTrue(0 <= box["x0"] <= box["x1"] <= page["width"] + 1 and 0 <= box["y0"] <= box["y1"] <= page["height"] + 1, box)


class SameBytes(Case):
    def test_jobs_and_runs(self):
        names = ["report.pdf", "chinese.png"] if QUICK else ["report.pdf", "chinese.png", "scan.tif"]
        files = [os.path.join(SAMPLES, n) for n in names]
        runs = []
        for jobs in ("1", "2", "2"):
            self.out = self.at("out" + str(len(runs)))
            self.convert(*files, "-f", "json,html,md,text", "--jobs", jobs, "--pages", "1-2")
            runs.append({n: self.bytes_of(n) for n in self.results()})
        self.assertEqual(len(runs[0]), 4 * len(files))
        self.assertEqual(runs[0], runs[1], "one and two threads differ")
        self.assertEqual(runs[1], runs[2], "two runs differ")

    def test_glyphs_of_a_font_on_many_pages(self):
        """What cairo keeps of a font from page to page once hid the extents of glyphs, in one run here, in another there."""
        seen = set()
        for run in range(3):
            self.out = self.at("run%d" % run)
            self.convert(os.path.join(SOURCE, "tests/accuracy/formulas/heldout-stix.pdf"), "-f", "json", "--jobs", "1", "--pages", "1-40", "--sandbox", "off")
            seen.add(self.bytes_of("heldout-stix.json"))
        self.assertEqual(len(seen), 1)
        self.assertIn(rb"\\frac{1}{\\sqrt{2\\pi}\\sigma}", seen.pop())


class Memory(Case):
    def peak(self, pages):
        """Peak resident memory, kB, of converting a document of so many pages."""
        self.write("long.pdf", pdf([["page %d" % n] + ["line %d of the page, with some words in it" % i for i in range(30)] for n in range(pages)]))
        run = subprocess.Popen([PROGRAM, "convert", "long.pdf", "-o", self.out, "-f", "json,html", "-q", "--jobs", "2"], cwd=self.folder)
        _, status, used = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(run.returncode, OK)
        self.assertEqual(len(self.json("long")["pages"]), pages)
        return used.ru_maxrss

    def test_flat_over_pages(self):
        if QUICK:
            self.skipTest("sanitizers keep freed memory")
        few, many = self.peak(40), self.peak(500)
        self.assertLess(many, few + 24 * 1024, "kB")


class Names(Case):
    def test_collisions_and_folders(self):
        page = pdf([["hello"]])
        for name in ("in/a.pdf", "in/b/a.pdf", "in/c.pdf"):
            self.write(name, page)
        self.write("in/c.png", png(64, 64))
        self.write("in/ignored.txt", "x")
        self.convert("in", "-f", "json")
        self.assertEqual(self.results(), ["a.json", "b/a.json", "c.pdf.json", "c.png.json"])

    def test_two_of_a_name(self):
        self.write("1/a.pdf", pdf([["first"]]))
        self.write("2/a.pdf", pdf([["second"]]))
        self.convert("1/a.pdf", "2/a.pdf", "-f", "json,text")
        self.assertEqual(self.results(), ["a.pdf.json", "a.pdf.txt", "a.pdf~2.json", "a.pdf~2.txt"])
        self.assertIn("second", texts(self.json("a.pdf~2")))

    def test_wrong_extension_and_odd_names(self):
        self.write("scan.pdf", png(64, 64))
        self.write("--jobs.pdf", pdf([["dashes"]]))
        self.write("na me\n.pdf", pdf([["odd"]]))
        self.run_program("convert", "scan.pdf", "na me\n.pdf", "-f", "json", "-o", self.out, "--", "--jobs.pdf", code=OK)
        self.assertEqual(self.json("scan")["source"]["media_type"], "image/png")
        self.assertEqual(self.results(), ["--jobs.json", "na me\n.json", "scan.json"])

    def test_default_output_is_here(self):
        self.write("a.pdf", pdf([["hello"]]))
        self.run_program("convert", "a.pdf", code=OK)
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.html", "a.json", "a.md", "a.pdf"])

    def test_second_run_ignores_results(self):
        self.write("in/a.pdf", pdf([["hello"]]))
        self.out = self.at("in", "out")
        self.convert("in", "-f", "json")
        self.write("in/out/stray.png", png(64, 64))
        self.convert("in", "-f", "json")
        self.assertEqual(self.results(), ["a.json", "stray.png"])


class Inputs(Case):
    def test_standard_input(self):
        self.convert("-", "-f", "json", stdin=pdf([["from a pipe"]]))
        self.assertIn("from a pipe", texts(self.json("stdin")))

    def test_lists(self):
        self.write("x/a.pdf", pdf([["alpha"]]))
        self.write("x/b.pdf", pdf([["beta"]]))
        self.write("list", "x/a.pdf\n\nx/b.pdf\r\n")
        self.convert("@list", "-f", "json")
        self.assertEqual(self.results(), ["x/a.json", "x/b.json"])
        self.out = self.at("out2")
        self.convert("--files-from=-", "-f", "json", stdin=b"x/b.pdf\n")
        self.assertEqual(self.results(), ["x/b.json"])

    def test_page_ranges(self):
        self.write("a.pdf", pdf([["page number %d" % n] for n in range(1, 8)]))
        self.convert("a.pdf", "-f", "json", "--pages", "6-,2,2-3")
        document = self.json("a")
        self.assertEqual([p["number"] for p in document["pages"]], [2, 3, 6, 7])
        self.assertEqual(document["source"]["page_count"], 7)
        self.assertIn("page number 6", texts(document))
        failed = self.convert("a.pdf", "-f", "json", "--pages", "8-", code=FAILED)
        self.names_error(failed, "a.pdf", "argument", "7 pages")

    def test_password(self):
        self.write("locked.pdf", pdf([["the secret text"]], encrypt="open sesame"))
        self.write("pw", "open sesame\n")
        self.write("wrong", "close sesame\n")
        self.convert("locked.pdf", "-f", "json", "--password-file", "pw")
        self.assertIn("the secret text", texts(self.json("locked")))
        self.out = self.at("none")
        self.names_error(self.convert("locked.pdf", code=FAILED), "locked.pdf", "password", "--password-file")
        self.names_error(self.convert("locked.pdf", "--password-file=wrong", code=FAILED), "locked.pdf", "password")
        self.assertEqual(self.results(), [])

    def test_dpi_and_text_layer(self):
        self.write("a.pdf", pdf([["Every word of this line is in the text layer."]]))
        self.convert("a.pdf", "-f", "json", "--dpi", "100")
        page = self.json("a")["pages"][0]
        self.assertEqual((page["dpi"], page["width"]), (100, 556))
        self.assertEqual(page["blocks"][0]["source"], "text_layer")
        self.convert("a.pdf", "-f", "json", "--dpi", "150", "--text-layer=off")
        page = self.json("a")["pages"][0]
        self.assertEqual(page["blocks"][0]["source"], "compact")
        self.assertIn("Everywordofthisline", squeezed(texts(self.json("a"))))


class Resuming(Case):
    def test_resume_skips_what_is_done(self):
        for n in "abc":
            self.write("in/%s.pdf" % n, pdf([["document " + n]]))
        self.write("in/d.pdf", b"%PDF-1.4 nothing in it")
        self.convert("in", "-f", "json", "--resume", code=FAILED)
        before = {n: os.stat(os.path.join(self.out, n)).st_mtime_ns for n in self.results() if n.endswith(".json")}
        self.assertEqual(sorted(before), ["a.json", "b.json", "c.json"])
        os.remove(os.path.join(self.out, "b.json"))
        self.write("in/c.pdf", pdf([["document c changed"]]))
        result = self.convert("in", "-f", "json", "--resume", "--progress", "plain", code=FAILED)
        self.assertEqual(os.stat(os.path.join(self.out, "a.json")).st_mtime_ns, before["a.json"])
        self.assertIn("changed", texts(self.json("c")))
        self.assertTrue(os.path.exists(os.path.join(self.out, "b.json")))
        self.assertNotIn("in/a.pdf:", result.err)
        self.names_error(result, "in/d.pdf", "format")
        self.convert("in/a.pdf", "-f", "json,md", "--resume")  # other options: done again
        self.assertTrue(os.path.exists(os.path.join(self.out, "a.md")))

    def test_shards_make_the_whole(self):
        for n in range(5):
            self.write("in/%d.pdf" % n, pdf([["document %d" % n]]))
        for shard in ("1/2", "2/2"):
            self.convert("in", "-f", "json", "--shard", shard, "--resume")
        self.assertEqual(self.results(), ["%d.json" % n for n in range(5)] + ["docparse-manifest.jsonl"])
        lines = [json.loads(l) for l in self.bytes_of("docparse-manifest.jsonl").decode().splitlines()]
        self.assertEqual(sorted(l["output"] for l in lines), ["%d" % n for n in range(5)])

    def test_interrupt_is_clean(self):
        for n in range(3):
            self.write("in/%d.png" % n, png(64, 64))
        self.write("in/9.pdf", pdf([["page %d" % n] for n in range(3000)]))
        for number in (signal.SIGINT, signal.SIGTERM):
            run = subprocess.Popen([PROGRAM, "convert", "in", "-o", self.out, "-f", "json,md"], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            whole, deadline = [n for k in range(3) for n in ("%d.json" % k, "%d.md" % k)], time.time() + PATIENCE
            while not (set(whole) < set(self.results())) and time.time() < deadline and run.poll() is None:
                time.sleep(0.02)
            run.send_signal(number)
            _, err = run.communicate(timeout=PATIENCE)
            self.assertEqual(run.returncode, INTERRUPTED, err.decode())
            self.assertIn("interrupted", err.decode())
            self.assertEqual(self.results(), whole)

    def test_interrupt_while_waiting_for_input(self):
        for later in (0, 0.5):  # seconds after it began to take signals: before that the system would end it
            run = subprocess.Popen([PROGRAM, "convert", "-", "-o", self.out], cwd=self.folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            taken, deadline = 0, time.time() + PATIENCE
            while not taken >> (signal.SIGINT - 1) & 1:
                self.assertLess(time.time(), deadline)
                with open("/proc/%d/status" % run.pid) as f:
                    taken = next(int(line.split()[1], 16) for line in f if line.startswith("SigCgt"))
            time.sleep(later)
            run.send_signal(signal.SIGINT)
            self.assertEqual(run.wait(timeout=PATIENCE), INTERRUPTED)
            run.stdin.close()
            run.stderr.close()
            self.assertEqual(self.results(), [])


class Progress(Case):
    def test_modes(self):
        self.write("a.pdf", pdf([["hello"], ["again"]]))
        plain = self.convert("a.pdf", "-f", "json")
        self.assertRegex(plain.err, r"^a\.pdf: 2 pages, [\d.]+ s, ok\n$")
        self.assertEqual(plain.out, "")
        self.assertEqual(self.convert("a.pdf", "-f", "json", "--progress=none").err, "")
        self.assertEqual(self.convert("a.pdf", "-f", "json", "-q").err, "")

    def test_terminal(self):
        import pty
        self.write("a.pdf", pdf([["hello"], ["again"]]))
        lead, follow = pty.openpty()
        done = subprocess.run([PROGRAM, "convert", "a.pdf", "-o", self.out, "-f", "json"], cwd=self.folder, stderr=follow, stdout=subprocess.PIPE)
        os.close(follow)
        seen = b""
        try:
            while chunk := os.read(lead, 4096):
                seen += chunk
        except OSError:
            pass  # the other end is closed
        os.close(lead)
        self.assertEqual(done.returncode, OK)
        self.assertRegex(seen.decode(), r"\[1/1\] page 2/2 +[\d.]+ pages/s +\S+ left")


if __name__ == "__main__":
    main()
