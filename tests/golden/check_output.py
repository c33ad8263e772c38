# SPDX-License-Identifier: Apache-2.0
"""Written files against the rules of their formats: check_output.py SCHEMA FILE...
or check_output.py SCHEMA --run PROGRAM N: has the program write N random documents first

FILE ends in .json (document.schema.json), .jsonl (its parts), .html (well nested, no script, ids once),
.hocr, .alto.xml (structure of ALTO 4), .xlsx or .csv. Prints every violation; exit code 1 when there is one.
"""
import base64, csv, glob, hashlib, html, io, json, math, os, re, subprocess, sys, tempfile, zipfile
from xml.etree import ElementTree
from html.parser import HTMLParser

import jsonschema
from markdown_it import MarkdownIt

VOID = {"meta", "br", "img", "link", "hr", "input", "col", "wbr"}


def schema_errors(schema, part, value):
    if part:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": "#/$defs/" + part}
    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        yield "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:200])


def no_constant(name):
    raise ValueError("the number %s is not JSON" % name)


def check_json(schema, data, path):
    document = json.loads(data, parse_constant=no_constant)
    yield from schema_errors(schema, None, document)
    for block in (b for page in document["pages"] for b in page["blocks"]):
        for span in block.get("spans", []):
            if block["text"][span["start"]:span["end"]] != span["text"]:
                yield "%s: the span at %d is not where it says" % (block["id"], span["start"])


def plain_parts(block, marked=("formula",)):
    """The text of a block between its spans of these kinds."""
    at, parts = 0, []
    for span in block.get("spans", []):
        if span["kind"] in marked:
            parts.append(block["text"][at:span["start"]])
            at = span["end"]
    return parts + [block["text"][at:]]


def check_jsonl(schema, data, path):
    lines = data.decode("utf-8").split("\n")
    if lines[-1] != "":
        yield "the last line has no end"
    values = [json.loads(line, parse_constant=no_constant) for line in lines[:-1]]
    for i, value in enumerate(values):
        part = "jsonl_head" if i == 0 else "jsonl_end" if i == len(values) - 1 else "page"
        for error in schema_errors(schema, part, value):
            yield "line %d: %s" % (i + 1, error)
    if values[-1].get("pages") != len(values) - 2:
        yield "the end counts %s pages of %d" % (values[-1].get("pages"), len(values) - 2)


class Nesting(HTMLParser):
    """Every start tag has its end, ids are unique, links stay inside, nothing runs or loads."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.errors, self.scripts, self.text = [], set(), [], [], 0, []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.errors.append("<%s> has an attribute twice" % tag)
        for name, value in attrs:
            if name.startswith("on") or (name in ("src", "href", "action") and not re.match(r"#|data:image/|$", value or "")):
                self.errors.append("<%s %s=%s>" % (tag, name, value[:60]))
            if name == "id":
                if value in self.ids:
                    self.errors.append("id %s twice" % value)
                self.ids.add(value)
            if name == "href":
                self.links.append(value)
        if tag in ("iframe", "object", "embed", "form", "base", "link"):
            self.errors.append("<%s>" % tag)
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script", "title"):
            self.text.append(data)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append("line %d: </%s> closes nothing" % (self.getpos()[0], tag))


def check_html(schema, data, path):
    page = Nesting()
    page.feed(data.decode("utf-8"))
    page.close()
    yield from page.errors
    if page.open:
        yield "not closed: %s" % page.open
    if page.scripts > 1:
        yield "%d scripts" % page.scripts
    text = data.decode("utf-8")
    for script in re.findall("<script>(.*?)</script>", text, re.S):
        digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
        if "script-src 'sha256-%s'\"" % digest not in text:
            yield "the content policy does not name the script: its hash is %s" % digest
    for link in page.links:
        if link.startswith("#") and link[1:] not in page.ids:
            yield "the link %s leads nowhere" % link
    if not path.endswith(".qwenvl.html") and os.path.exists(path[:-5] + ".json"):
        seen = squeeze("".join(page.text))
        for part in json.load(open(path[:-5] + ".json", encoding="utf-8"))["pages"]:
            for block in part["blocks"]:
                if block["type"] not in ("table", "chart", "formula") and not (block["source"] == "vlm" and "$" in block["text"]) and any(squeeze(part) not in seen for part in plain_parts(block)):
                    yield "%s is not what is shown: %s" % (block["id"], block["text"][:100])


def check_qwenvl(schema, data, path):
    """Every page is a document of its own there, with ids of its own."""
    for page in data.decode("utf-8").split("</html>\n")[:-1]:
        yield from check_html(schema, (page + "</html>\n").encode("utf-8"), path)


def check_hocr(schema, data, path):
    """XHTML that parses; classes of the standard; every element with its box; words inside of lines."""
    ns = "{http://www.w3.org/1999/xhtml}"
    root = ElementTree.fromstring(data)
    ids = set()
    meta = {m.get("name"): m.get("content") for m in root.iter(ns + "meta")}
    for name in ("ocr-system", "ocr-capabilities"):
        if not meta.get(name):
            yield "no %s" % name
    capabilities = set(meta.get("ocr-capabilities", "").split())
    for element in root.iter():
        kind, title = element.get("class"), element.get("title", "")
        if kind is None:
            continue
        if kind not in capabilities:
            yield "class %s is not among the capabilities" % kind
        if element.get("id"):
            if element.get("id") in ids:
                yield "id %s twice" % element.get("id")
            ids.add(element.get("id"))
        if kind in ("ocr_page", "ocr_line", "ocrx_word") and not re.search(r"(^|; )bbox -?\d+ -?\d+ -?\d+ -?\d+(;|$)", title):
            yield "%s has no bbox: %s" % (kind, title)
        for child in element:
            if child.get("class") == "ocrx_word" and kind != "ocr_line":
                yield "a word outside of a line"
        if kind == "ocrx_word" and not "".join(element.itertext()).strip("\u2028\u2029 "):
            yield "an empty word"


ALTO_CHILDREN = {
    "alto": ["Description", "Styles", "Tags", "ReadingOrder", "Layout"],
    "Description": ["MeasurementUnit", "sourceImageInformation", "OCRProcessing", "Processing"],
    "Processing": ["processingDateTime", "processingAgency", "processingStepDescription", "processingSoftware"],
    "processingSoftware": ["softwareCreator", "softwareName", "softwareVersion", "applicationDescription"],
    "sourceImageInformation": ["fileName", "fileIdentifier"],
    "Tags": ["LayoutTag", "StructureTag", "RoleTag", "NamedEntityTag", "OtherTag"],
    "Layout": ["Page"], "Page": ["TopMargin", "LeftMargin", "RightMargin", "BottomMargin", "PrintSpace"],
    "PrintSpace": ["TextBlock", "Illustration", "GraphicalElement", "ComposedBlock"],
    "ComposedBlock": ["TextBlock", "Illustration", "GraphicalElement", "ComposedBlock"],
    "TextBlock": ["TextLine"], "TextLine": ["String", "SP", "HYP"], "String": [], "SP": [], "Illustration": [],
}
ALTO_ATTRIBUTES = {
    "Page": ({"ID", "PHYSICAL_IMG_NR"}, {"WIDTH", "HEIGHT"}), "PrintSpace": (set(), {"HPOS", "VPOS", "WIDTH", "HEIGHT"}),
    "TextBlock": ({"ID"}, {"HPOS", "VPOS", "WIDTH", "HEIGHT", "TAGREFS", "LANG"}), "ComposedBlock": ({"ID"}, {"HPOS", "VPOS", "WIDTH", "HEIGHT", "TAGREFS", "TYPE"}),
    "Illustration": ({"ID"}, {"HPOS", "VPOS", "WIDTH", "HEIGHT", "TAGREFS"}), "TextLine": (set(), {"ID", "HPOS", "VPOS", "WIDTH", "HEIGHT"}),
    "String": ({"CONTENT"}, {"ID", "HPOS", "VPOS", "WIDTH", "HEIGHT", "WC"}), "SP": (set(), {"HPOS", "VPOS", "WIDTH"}),
    "StructureTag": ({"ID", "LABEL"}, set()), "Processing": ({"ID"}, set()),
}
ORDERED = {"alto", "Description", "Processing", "processingSoftware", "Page"}


def check_alto(schema, data, path):
    """The structure that version 4 of the standard demands of the elements that are used."""
    ns = "{http://www.loc.gov/standards/alto/ns-v4#}"
    root = ElementTree.fromstring(data)
    ids, refs = set(), set()
    if root.tag != ns + "alto":
        yield "the root is %s" % root.tag
    for element in root.iter():
        tag = element.tag[len(ns):] if element.tag.startswith(ns) else "?" + element.tag
        children = [c.tag[len(ns):] for c in element]
        allowed = ALTO_CHILDREN.get(tag, [])
        for child in children:
            if child not in allowed:
                yield "<%s> inside of <%s>" % (child, tag)
        if tag in ORDERED and [allowed.index(c) for c in children if c in allowed] != sorted(allowed.index(c) for c in children if c in allowed):
            yield "the children of <%s> are out of order" % tag
        need, may = ALTO_ATTRIBUTES.get(tag, (set(), None))
        if not need <= set(element.keys()):
            yield "<%s> without %s" % (tag, need - set(element.keys()))
        if may is not None and not set(element.keys()) <= need | may:
            yield "<%s> with %s" % (tag, set(element.keys()) - need - may)
        if element.get("ID"):
            if element.get("ID") in ids:
                yield "ID %s twice" % element.get("ID")
            ids.add(element.get("ID"))
        refs |= set(element.get("TAGREFS", "").split())
        for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT", "WC"):
            if element.get(name) is not None and not math.isfinite(float(element.get(name))):
                yield "%s=%s" % (name, element.get(name))
        if any(element.get(n) and float(element.get(n)) < 0 for n in ("WIDTH", "HEIGHT")):
            yield "<%s> with a negative size" % tag
        if element.get("WC") and not 0 <= float(element.get("WC")) <= 1:
            yield "WC=%s" % element.get("WC")
        if tag == "TextLine" and "String" not in children:
            yield "a line without a string"
    if refs - ids:
        yield "TAGREFS to nothing: %s" % (refs - ids)
    if not list(root.iter(ns + "Page")):
        yield "no page"


def check_svg(schema, data, path):
    """Nothing but drawing: no script, no link to anywhere."""
    ns = "{http://www.w3.org/2000/svg}"
    for element in ElementTree.fromstring(data).iter():
        if element.tag not in {ns + t for t in ("svg", "style", "image", "g", "path", "rect", "title", "text")}:
            yield "<%s>" % element.tag
        for name, value in element.items():
            if name.startswith("on") or ("href" in name and not value.startswith("data:image/")):
                yield "%s=%s" % (name, value[:60])


def check_csv(schema, data, path):
    """Rows of one length, and no cell that a spreadsheet would run."""
    rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    if len({len(row) for row in rows}) > 1:
        yield "rows of %s fields" % sorted({len(row) for row in rows})
    for row in rows:
        for cell in row:
            if re.match(r"[\s]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n]", cell) and not re.match(r"[+-]\d[\d.,]* *%?$", cell):
                yield "a cell begins like a formula: %r" % cell[:40]


def sheet_cells(book, path, strings):
    """Cells by (row, column) as a spreadsheet shows them, and merged ranges."""
    ns = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    root, cells = ElementTree.fromstring(book.read(path)), {}
    if list(root.iter(ns + "f")):
        raise ValueError("%s holds a formula" % path)
    for cell in root.iter(ns + "c"):
        letters, row = re.match("([A-Z]+)([0-9]+)$", cell.get("r")).groups()
        col = 0
        for letter in letters:
            col = col * 26 + ord(letter) - 64
        value = cell.find(ns + "v")
        if value is not None:
            if cell.get("t") == "s":
                text = re.sub("_x([0-9A-F]{4})_", lambda m: chr(int(m.group(1), 16)), strings[int(value.text)])
            else:
                text = repr(float(value.text))
                text = text[:-2] if text.endswith(".0") else text
            cells[int(row) - 1, col - 1] = text
    return cells, sorted(m.get("ref") for m in root.iter(ns + "mergeCell"))


def check_xlsx(schema, data, path):
    """Every cell of every table of the JSON beside it, letter by letter."""
    ns = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    book = zipfile.ZipFile(io.BytesIO(data))
    names = [s.get("name") for s in ElementTree.fromstring(book.read("xl/workbook.xml")).iter(ns + "sheet")]
    strings = ["".join(t.text or "" for t in si.iter(ns + "t")) for si in ElementTree.fromstring(book.read("xl/sharedStrings.xml")).iter(ns + "si")]
    document = json.load(open(path[:-5] + ".json", encoding="utf-8"))
    tables = [(b["id"], b.get("table") or b["chart"]["table"]) for p in document["pages"] for b in p["blocks"]
              if b.get("table", b.get("chart", {}).get("table", {})).get("cells")]
    if names != ["index"] + [name for name, _ in tables]:
        yield "sheets %s for tables %s" % (names, [name for name, _ in tables])
        return
    for i, (name, table) in enumerate(tables):
        cells, merged = sheet_cells(book, "xl/worksheets/sheet%d.xml" % (i + 2), strings)
        want = {(c["row"], c["col"]): c["text"] for c in table["cells"] if c["text"]}
        if cells != want:
            yield "%s holds %s, not %s" % (name, sorted(set(cells.items()) - set(want.items()))[:3], sorted(set(want.items()) - set(cells.items()))[:3])
        spans = sum(c["row_span"] > 1 or c["col_span"] > 1 for c in table["cells"])
        if len(merged) != spans:
            yield "%s has %d merged ranges for %d spans" % (name, len(merged), spans)


def squeeze(text):
    return re.sub(r"\s+", "", text)


def rendered(text):
    """What a reader of the Markdown sees, without white space, and what should not be there."""
    out, errors = [], []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        if token.type == "html_block":
            if not re.fullmatch(r"(?s)(<table>.*</table>|)\s*", token.content):
                errors.append("HTML: %s" % token.content[:60])
            out.append(html.unescape(re.sub("<[^>]*>", " ", token.content)))
        elif token.type in ("fence", "code_block"):
            out.append(token.content)
        elif token.type == "blockquote_open":
            errors.append("a quotation")
        elif token.type == "hr":
            errors.append("a rule")
        for child in token.children or []:
            if child.type in ("text", "code_inline"):
                out.append(child.content)
            elif child.type not in ("softbreak", "hardbreak", "image"):
                errors.append("markup %s in %s" % (child.type, token.content[:80]))
    return squeeze("".join(out)), errors


MD_MATH = ("formula", "superscript", "subscript")  # what Markdown has between dollars
MD_TEXT = {"title", "heading", "paragraph", "list_item", "caption", "footnote", "reference", "stamp", "handwriting", "barcode", "chemistry", "other"}


def check_md(schema, data, path):
    """Every text of the JSON beside it is what a Markdown reader shows, letter by letter; nothing turns into markup."""
    document = json.load(open(path[:-3] + ".json", encoding="utf-8"))
    math = any((b["source"] == "vlm" and "$" in json.dumps(b)) or len(plain_parts(b, MD_MATH)) > 1 for p in document["pages"] for b in p["blocks"])
    seen, errors = rendered(data.decode("utf-8"))
    if not math:  # between dollars stands LaTeX, which plain Markdown takes for text
        yield from errors
    for page in document["pages"]:
        for block in page["blocks"]:
            texts = [squeeze(part) for part in plain_parts(block, MD_MATH)]
            if block["type"] not in MD_TEXT or block.get("joined") or (block["source"] == "vlm" and "$" in block["text"]):
                continue
            if any(text not in seen for text in texts):
                yield "%s is not what is shown: %s" % (block["id"], block["text"][:100])
        for table in [b["table"] for b in page["blocks"] if "table" in b and b["source"] != "vlm"]:
            for cell in table["cells"]:
                if squeeze(cell["text"]) not in seen:
                    yield "a cell is not what is shown: %s" % cell["text"][:100]


CHECKS = [(".md", check_md), (".xlsx", check_xlsx), (".hocr", check_hocr), (".hocr.txt", check_hocr), (".alto.xml", check_alto), (".alto.xml.txt", check_alto), (".csv", check_csv),
          (".svg", check_svg), (".svg.txt", check_svg), (".figures-index.json", lambda schema, data, path: iter(json.loads(data) and ())),
          (".qwenvl.html", check_qwenvl),
          (".json", check_json), (".jsonl", check_jsonl), (".html", check_html)]


def check_files(schema, paths):
    failed = 0
    for path in paths:
        check = next((c for suffix, c in CHECKS if path.endswith(suffix)), None)
        if check is None:
            continue
        try:
            errors = list(check(schema, open(path, "rb").read(), path))
        except (ValueError, UnicodeDecodeError, SyntaxError) as error:
            errors = [repr(error)]
        for error in errors[:20]:
            print("%s: %s" % (path, error))
        failed += bool(errors)
    kinds = sorted({next((s for s, _ in CHECKS if p.endswith(s)), "unchecked") for p in paths})
    print("%d files (%s), %d with errors" % (len(paths), " ".join(kinds), failed))
    return 1 if failed or not paths else 0


def main():
    schema = json.load(open(sys.argv[1], encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    if sys.argv[2] != "--run":
        return check_files(schema, sys.argv[2:])
    with tempfile.TemporaryDirectory(dir=".") as folder:
        if subprocess.call([sys.argv[3], "--random", os.path.abspath(folder), sys.argv[4]]) != 0:
            return 1
        return check_files(schema, sorted(glob.glob(folder + "/*")))


sys.exit(main())
