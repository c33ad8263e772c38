# SPDX-License-Identifier: Apache-2.0
"""House rules that a machine can hold: style.py ROOT

Licence lines, top level, sizes of files and functions, banned calls, header guards, places of one machine, files that ARCHITECTURE.md
names.
"""
import fnmatch, os, re, sys

from tree import BINARY, Tree, bare_c, line_of

TOP_FILES = {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "CMakeLists.txt", "CMakePresets.json"}
TOP_FOLDERS = {"engine", "docparse", "output", "schemas", "service", "tests", "corpora", "deploy"}

FILE_LINES = 900      # c-style: refused over 900
FUNCTION_LINES = 100  # refused from 100 on
FILE_BYTES = 1 << 20  # no binary blobs in the tree
# The one that belongs there, and its bound: a model that this project trained, with its card beside it.
MODEL, MODEL_BYTES = "engine/models/formula/model.safetensors", 16 << 20

# call -> what to use instead
BANNED = {
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "strcpy": "snprintf or memcpy with a checked length",
    "stpcpy": "memcpy with a checked length", "strcat": "b_buf_puts or snprintf", "strncpy": "snprintf, which ends the string",
    "strncat": "snprintf", "gets": "fgets", "strtok": "strcspn and strspn", "atoi": "strtol with its end checked",
    "atol": "strtol with its end checked", "atoll": "strtoll with its end checked", "atof": "strtod with its end checked",
    "scanf": "strtol and friends", "sscanf": "strtol and friends", "fscanf": "fgets and strtol", "alloca": "an arena",
    "tmpnam": "mkostemp", "mktemp": "mkostemp", "system": "nothing: no shell at run time", "popen": "nothing: no shell at run time",
    "abort": "an error code: input never ends the process", "assert": "an error code; static_assert for constants",
    "exit": "a return value: only main ends the process", "rand": "a generator with its state in a struct",
    "localtime": "gmtime_r", "gmtime": "gmtime_r", "strerror_l": "strerror",
}
TESTS_MAY = {"abort", "exit", "assert", "system", "popen", "sscanf", "rand"}

NO_LICENCE_LINE = re.compile(r"^LICENSE$|\.(md|json|jsonl|supp\.in|dict)$|^corpora/samples/|^tests/fuzz/seeds/|^tests/golden/.*\.(txt|html|csv)$|^tests/fixtures/|^engine/models/[a-z]+/merges\.txt$|^\.gitignore$")
PLACES = re.compile(r"(?<![\w.~$}*])/(?:work|home|root|tmp)/(?!\*)[\w.-]+")
HOSTS = re.compile(r"(?:pypi|pythonhosted|npmjs|crates|rubygems)\.(?:org|com|io)", re.I)


def check_licence(tree):
    for name, text in tree.texts():
        if not NO_LICENCE_LINE.search(name) and "SPDX-License-Identifier: Apache-2.0" not in "\n".join(text.split("\n", 5)[:5]):
            yield "%s: no SPDX line: write 'SPDX-License-Identifier: Apache-2.0' as a comment into its first lines" % name


def check_top(tree):
    for name in tree.files:
        first, _, rest = name.partition("/")
        if first.startswith(".") or (first in TOP_FOLDERS and rest) or name in TOP_FILES:
            continue
        yield "%s: the top level is closed: it belongs into one of %s" % (name, ", ".join(sorted(TOP_FOLDERS)))


def check_sizes(tree):
    for name in tree.files:
        size = os.path.getsize(tree.path(name))
        if size > (MODEL_BYTES if name == MODEL else FILE_BYTES):
            yield "%s: %d bytes; files above 1 MiB stay out of the tree: make it smaller or fetch it by a script with its sha256" % (name, size)
        if not BINARY.search(name) and name.endswith((".c", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt")):
            lines = tree.text(name).count("\n")
            if lines > FILE_LINES:
                yield "%s: %d lines, the bound is %d: split it by what its parts do" % (name, lines, FILE_LINES)


def functions(text):
    """(name, first line, lines) of every function of a formatted C file: its body's braces stand in column 0."""
    lines = text.split("\n")
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
            while start > 0 and lines[start - 1].strip() and lines[start - 1][0] not in "}#/" and not lines[start - 1].endswith((";", "*/")):
                start -= 1
        elif line.startswith("}") and start is not None:
            match = re.search(r"(\w+)\(", " ".join(lines[start:i + 1]))
            yield match.group(1) if match else "?", start + 1, i - start + 1
            start = None


def check_functions(tree):
    for name in tree.c_files():
        for function, line, length in functions(bare_c(tree.text(name))):
            if length >= FUNCTION_LINES:
                yield "%s:%d: %s has %d lines, the bound is %d: give its parts names" % (name, line, function, length, FUNCTION_LINES - 1)


CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(sorted(BANNED)))


def check_banned(tree):
    for name in tree.c_files():
        text = bare_c(tree.text(name))
        for match in CALL.finditer(text):
            call = match.group(1)
            if name.startswith("tests/") and call in TESTS_MAY:
                continue
            yield "%s:%d: %s is banned: use %s" % (name, line_of(text, match.start()), call, BANNED[call])


def check_headers(tree):
    for name in tree.c_files():
        text = tree.text(name)
        if name.endswith(".h"):
            guard = re.sub(r"[^A-Z0-9]", "_", name.upper())
            found = re.search(r"^#ifndef (\w+)\n#define (\w+)$", text, re.M)
            if not found or found.group(1) != found.group(2) or found.group(1) != guard:
                yield "%s: the include guard must be %s" % (name, guard)
        elif not name.startswith("tests/") and not re.match(r"/\*[^\n]*SPDX[^\n]*\*/\n/\* \S", text):
            yield "%s: behind the SPDX line stands one paragraph: what the file does and its invariant" % name


def check_places(tree):
    for name, text in tree.texts():
        if name.startswith("corpora/samples/"):
            continue
        for pattern, why in ((PLACES, "a place of one machine: derive it from the script's own place, or use mktemp"),
                             (HOSTS, "a registry's host: name the package only")):
            for match in pattern.finditer(text):
                yield "%s:%d: '%s' is %s" % (name, line_of(text, match.start()), match.group(0), why)


NAMED_FILE = re.compile(r"`([\w./*-]+\.(?:c|h|py|sh|md|proto))`")


def check_architecture(tree):
    page = "ARCHITECTURE.md"
    text = tree.text(page) if page in tree.files else ""
    for match in NAMED_FILE.finditer(text):
        if not any(fnmatch.fnmatch("/" + name, "*/" + match.group(1)) for name in tree.files):
            yield "%s:%d: there is no file %s: say what there is now" % (page, line_of(text, match.start()), match.group(1))


CHECKS = (check_licence, check_top, check_sizes, check_functions, check_banned, check_headers, check_places, check_architecture)


def check(tree):
    return [problem for one in CHECKS for problem in one(tree)]


if __name__ == "__main__":
    problems = check(Tree(sys.argv[1]))
    print("\n".join(problems) or "style: fine")
    sys.exit(1 if problems else 0)
