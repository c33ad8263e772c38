# SPDX-License-Identifier: Apache-2.0
"""Written files against the rules of their formats: check_output.py SCHEMA FILE...
or check_output.py SCHEMA --run PROGRAM N: has the program write N random documents first

FILE ends in .json (document.schema.json), .jsonl (its parts), .html (well nested, no script, ids once),
.hocr, .alto.xml (structure of ALTO 4), .xlsx or .csv. Prints every violation; exit code 1 when there is one.
"""
import base64, glob, hashlib, json, os, re, subprocess, sys, tempfile
from html.parser import HTMLParser

import jsonschema

VOID = {"meta", "br", "img", "link", "hr", "input", "col", "wbr"}


def schema_errors(schema, part, value):
    if part:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": "#/$defs/" + part}
    for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
        yield "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:200])


def no_constant(name):
    raise ValueError("the number %s is not JSON" % name)


def check_json(schema, data):
    yield from schema_errors(schema, None, json.loads(data, parse_constant=no_constant))


def check_jsonl(schema, data):
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
        self.open, self.ids, self.links, self.errors, self.scripts = [], set(), [], [], 0

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

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append("line %d: </%s> closes nothing" % (self.getpos()[0], tag))


def check_html(schema, data):
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


def check_qwenvl(schema, data):
    """Every page is a document of its own there, with ids of its own."""
    for page in data.decode("utf-8").split("</html>\n")[:-1]:
        yield from check_html(schema, (page + "</html>\n").encode("utf-8"))


CHECKS = [(".qwenvl.html", check_qwenvl), (".json", check_json), (".jsonl", check_jsonl), (".html", check_html)]


def check_files(schema, paths):
    failed = 0
    for path in paths:
        check = next((c for suffix, c in CHECKS if path.endswith(suffix)), None)
        if check is None:
            continue
        try:
            errors = list(check(schema, open(path, "rb").read()))
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
