# SPDX-License-Identifier: Apache-2.0
"""docparse convert with the large model: every page of the overfit checkpoint becomes the document that its answer describes,
told from the recorded answers by a reading of their own."""
import html.parser, json, os, sys, unittest

import e2e

SHARED = os.environ.get("DP_SHARED", "")
MODEL = os.path.join(SHARED, "data", "golden", "overfit")


class Expected(html.parser.HTMLParser):
    """(type, level, box, text, rows) of every block of an answer."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.blocks, self.stack = [], []
        self.feed(text.replace("```html", "").replace("```", ""))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ("html", "body"):
            return
        box = [float(v) for v in attrs["data-bbox"].split()] if "data-bbox" in attrs else None
        kinds = {"h1": "heading", "h2": "heading", "p": "paragraph", "table": "table", "ol": "list", "li": "list_item"}
        kind = kinds.get(tag)
        if tag == "div" and "class" in attrs:
            kind = "formula" if attrs["class"] == "formula" else "figure"
        inside = any(s[1] in ("formula", "figure", "table") for s in self.stack if s[1])
        if kind and not (inside and tag in ("p", "div")):
            self.blocks.append({"type": kind, "level": int(tag[1]) if tag in ("h1", "h2") else 0, "box": box, "text": "", "rows": []})
        else:
            kind = None
        if tag == "tr":
            self.blocks[-1]["rows"].append([])
        if tag in ("td", "th"):
            self.blocks[-1]["rows"][-1].append("")
        self.stack.append((tag, kind))

    def handle_startendtag(self, tag, attrs):
        """<img/>: its box is that of the element around it."""

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not self.stack or not self.blocks:
            return
        if self.stack[-1][0] in ("td", "th"):
            self.blocks[-1]["rows"][-1][-1] += data
        elif self.stack[-1][0] not in ("table", "tr", "ol"):
            self.blocks[-1]["text"] += data


class Pages(e2e.Case):
    def compare(self, page, expected):
        sx, sy = (page["size_wh"][i] / page["frame_wh"][i] for i in (0, 1))
        got = self.json(page["name"])["pages"][0]
        self.assertEqual((got["status"], got.get("warnings", [])), ("ok", []))
        self.assertEqual((got["width"], got["height"]), tuple(page["size_wh"]))
        types = [b["type"] for b in got["blocks"]]
        self.assertEqual(["paragraph" if t == "caption" else t for t in types], [b["type"] for b in expected])
        for b, e in zip(got["blocks"], expected):
            self.assertEqual(b["source"], "vlm")
            self.assertGreater(b["confidence"], 0.95)
            if e["box"]:
                box = [b["bbox"][k] for k in ("x0", "y0", "x1", "y1")]
                for have, want in zip(box, [e["box"][0] * sx, e["box"][1] * sy, e["box"][2] * sx, e["box"][3] * sy]):
                    self.assertAlmostEqual(have, want, delta=0.02)
            if e["type"] == "heading":
                self.assertEqual(b["level"], e["level"])
            if e["type"] == "table":
                rows = [["" for _ in range(b["table"]["cols"])] for _ in range(b["table"]["rows"])]
                for c in b["table"]["cells"]:
                    rows[c["row"]][c["col"]] = c["text"]
                self.assertEqual(rows, e["rows"])
            elif e["type"] == "formula":
                self.assertEqual(b["formula"]["latex"], e["text"].strip("$"))
            elif e["type"] != "list":
                self.assertEqual(b["text"], e["text"])

    def test_every_page(self):
        with open(os.path.join(MODEL, "expected.json"), encoding="utf-8") as f:
            pages = json.load(f)["pages"]
        files = [os.path.join(MODEL, p["png"]) for p in pages]
        self.convert(*files, "--reader", "qwen25vl", "--model", MODEL, "-f", "json", "--jobs", "1")
        for page in pages:
            with self.subTest(page["name"]):
                self.compare(page, Expected(page["html"]).blocks)
        first = [self.bytes_of(p["name"] + ".json") for p in pages]
        self.convert(*files, "--reader", "qwen25vl", "--model", MODEL, "-f", "json", "--jobs", "2")
        self.assertEqual(first, [self.bytes_of(p["name"] + ".json") for p in pages], "the number of threads changes bytes")

    def test_narrow_weights_give_the_same_pages(self):
        files = [os.path.join(MODEL, "pages", n) for n in ("p2.png", "p6.png")]
        blocks = []
        for precision in ("exact", "bf16", "int8"):
            self.convert(*files, "--reader", "qwen25vl", "--model", MODEL, "-f", "json", "--precision", precision)
            pages = [self.json(n)["pages"][0]["blocks"] for n in ("p2", "p6")]
            blocks.append([[(b["type"], b["bbox"], b["text"]) for b in p] for p in pages])
        self.assertEqual(blocks[0], blocks[1])
        self.assertEqual(blocks[0], blocks[2])

    def test_packed_weights_elsewhere(self):
        """'models pack -o' writes where --packed looks; a folder without them is said, not passed over."""
        page, folder = os.path.join(MODEL, "pages", "p2.png"), self.at("packed")
        large = (page, "--reader", "qwen25vl", "--model", MODEL, "-f", "json", "--precision", "int8")
        self.convert(*large)
        plain = self.bytes_of("p2.json")
        self.run_program("models", "pack", MODEL, "--quant", "int8", "-o", folder, code=e2e.OK)
        self.convert(*large, "--packed", folder)
        self.assertEqual(plain, self.bytes_of("p2.json"))
        self.names_error(self.convert(*large, "--packed", self.at("nothing"), code=e2e.SETUP), "nothing", "not_found")

    def test_cut_answers_are_partial(self):
        page = os.path.join(MODEL, "pages", "p1.png")
        r = self.convert(page, "--reader", "qwen25vl", "--model", MODEL, "-f", "json", "--max-tokens", "60", code=e2e.FAILED)
        got = self.json("p1")["pages"][0]
        self.assertEqual(got["status"], "partial")
        self.assertEqual(got["blocks"][0]["text"], "Stock list")
        self.assertIn("p1.png", r.err)

    def test_ask(self):
        page = os.path.join(MODEL, "pages", "p2.png")
        with open(os.path.join(MODEL, "pages", "p2.html"), encoding="utf-8") as f:
            expected = f.read()
        asked = ("ask", "--model", MODEL, "-q", "QwenVL HTML", page)
        self.assertEqual(self.run_program(*asked, code=e2e.OK).out, expected + "\n")
        answer = json.loads(self.run_program(*asked, "--json", code=e2e.OK).out)
        self.assertEqual((answer["question"], answer["answer"], answer["complete"]), ("QwenVL HTML", expected, True))
        self.assertGreater(answer["confidence"], 0.99)
        cut = self.run_program(*asked, "--max-tokens", "20", code=e2e.FAILED)
        self.assertTrue(expected.startswith(cut.out.rstrip("\n")) and len(cut.out) > 5)

    def test_locate_needs_json(self):
        """The model was taught pages only: its free answer to anything else is no JSON, which is an error and not a result."""
        page = os.path.join(MODEL, "pages", "p1.png")
        r = self.run_program("locate", "-q", "the title", "--model", MODEL, "--max-tokens", "40", page, code=e2e.FAILED)
        self.assertEqual(r.out, "")
        self.names_error(r, "locate", "format")

    def test_extract_is_held_to_its_schema(self):
        """Even a model that was never taught JSON can answer nothing but what the schema describes."""
        page = os.path.join(MODEL, "pages", "p1.png")
        item = {"type": "object", "properties": {"name": {"type": ["string", "null"], "maxLength": 12}, "qty": {"type": "integer"}}, "required": ["name", "qty"]}
        schema = {"type": "object", "properties": {"title": {"type": "string", "maxLength": 30}, "items": {"type": "array", "items": item, "maxItems": 3},
                                                   "kind": {"enum": ["list", "letter"]}}, "required": ["title", "items", "kind"]}
        extract = lambda text, code: self.run_program("extract", "--schema", self.write("schema.json", text), "--model", MODEL, "--max-tokens", "600", page, code=code)
        r = extract(json.dumps(schema), e2e.OK)
        self.assertEqual(r.err, "")
        found = json.loads(r.out)
        self.assertEqual(list(found), ["title", "items", "kind"])
        self.assertIn(found["kind"], ("list", "letter"))
        self.assertLessEqual(len(found["title"]), 30)
        self.assertTrue(len(found["items"]) <= 3 and all(list(i) == ["name", "qty"] and isinstance(i["qty"], int) for i in found["items"]))
        schema["properties"]["title"]["pattern"] = "^[A-Z]"
        r = extract(json.dumps(schema), e2e.FAILED)
        self.assertIn('"pattern"', r.err)
        self.assertIn("warning", r.err)
        self.names_error(extract('{"type": "objekt"}', e2e.FAILED), "extract", "format")
        extract("{", e2e.FAILED)

    def test_ask_usage(self):
        page = os.path.join(MODEL, "pages", "p1.png")
        for args in (("ask", page), ("ask", "--model", MODEL, page), ("ask", "--model", MODEL, "-q", "x"),
                     ("extract", "--model", MODEL, page), ("locate", "--model", MODEL, page),
                     ("ask", "--model", MODEL, "-q", "x", "--pages", "0", page)):
            self.run_program(*args, code=e2e.USAGE)
        self.run_program("ask", "--model", self.folder, "-q", "x", page, code=e2e.SETUP)
        self.run_program("ask", "--model", MODEL, "-q", "x", self.at("absent.png"), code=e2e.FAILED)

    def test_usage(self):
        page = os.path.join(MODEL, "pages", "p1.png")
        self.assertIn("--model", self.convert(page, "--reader", "qwen25vl", code=e2e.USAGE).err)
        self.convert(page, "--model", MODEL, code=e2e.USAGE)
        self.convert(page, "--reader", "other", code=e2e.USAGE)
        self.convert(page, "--reader", "qwen25vl", "--model", MODEL, "--precision", "int3", code=e2e.USAGE)
        self.convert(page, "--reader", "qwen25vl", "--model", self.folder, code=e2e.SETUP)


if __name__ == "__main__":
    if not os.path.exists(os.path.join(MODEL, "expected.json")):
        print("SKIP: no golden data in %s" % MODEL)
        sys.exit(77)
    unittest.main(verbosity=1)
