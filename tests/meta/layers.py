# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: layers.py ROOT

Holds every #include against the two tables below (ARCHITECTURE.md, "Folders"): folders only look downwards, private headers
stay in their folder, each third-party library has its few files, public headers show none of them; and the libraries that
CMake links (USES) follow the same table.
"""
import os, re, sys

from tree import Tree, line_of

# folder -> folders whose headers it may include, besides its own. Longest folder wins.
LAYERS = {
    "engine/base": [],
    "engine/kernels": ["engine/base"],
    "engine/onednn": ["engine/base"],
    "engine/graph": ["engine/base", "engine/onednn", "engine/kernels"],
    "engine/compact": ["engine/base", "engine/graph"],
    "engine/qwen25vl": ["engine/base", "engine/onednn", "engine/kernels"],
    "docparse": ["engine/base", "engine/compact", "engine/qwen25vl"],
    "output": ["engine/base", "docparse"],
    "service/bench": ["engine/base"],
    "service/rpc": ["engine/base", "docparse", "output"],
    "service": ["engine/base", "engine/qwen25vl", "docparse", "output", "service/bench", "service/rpc"],
    "tests": ["engine", "docparse", "output", "service"],
}

# The headers of a folder that other folders may see; every header that is not private where nothing is said.
DOORS = {
    ("docparse", "engine/compact"): {"engine/compact/compact.h"},
    ("docparse", "engine/qwen25vl"): {"engine/qwen25vl/qwen25vl.h", "engine/qwen25vl/chat.h"},
    ("service", "engine/qwen25vl"): {"engine/qwen25vl/qwen25vl.h"},  # packing and inspecting checkpoints
    ("output", "docparse"): {"docparse/document.h"},
    ("service", "service/rpc"): {"service/rpc/server.h", "service/rpc/client.h"},
}

# library -> (pattern of its headers, pattern of the files that may include them); tests may include any.
THIRD_PARTY = {
    "oneDNN": (r"(oneapi/.*|dnnl.*)\.h(pp)?$", r"engine/onednn/.*\.c$"),
    "protobuf-c": (r"(protobuf-c/.*|.*\.pb-c)\.h$", r"engine/graph/(onnx_reader|table_loop)\.c$|service/rpc/.*\.[ch]$"),
    "vector intrinsics": (r"(.*intrin|cpuid)\.h$", r"engine/kernels/[a-z_0-9]*vec.*\.h$|engine/kernels/[a-z_]*(avx|amx|dispatch|f16).*\.c$"),
    "OpenMP": (r"omp\.h$", r"engine/onednn/.*\.c$"),
    "Poppler, GLib, cairo": (r"(poppler.*|glib.*|gio/.*|gobject.*|cairo.*)\.h$", r"docparse/(load_)?pdf[a-z_]*\.[ch]$|docparse/language\.c$"),
    # decoders must keep the folders that fontconfig reads when they lose sight of all others
    "fontconfig": (r"fontconfig/.*\.h$", r"docparse/pdf_system\.c$"),
    # the filter of system calls of decoder processes; by hand it would be BPF code for each architecture
    "libseccomp": (r"seccomp\.h$", r"docparse/sandbox_lock\.c$"),
    "libtiff": (r"(tiff.*)\.h$", r"docparse/(load_)?tiff[a-z_]*\.[ch]$"),
    "spng": (r"spng\.h$", r"docparse/load_png\.c$|output/png[a-z_]*\.c$"),
    "libjpeg": (r"(jpeglib|jerror|jmorecfg)\.h$", r"(docparse/load|output/)_?jpeg\.c$"),
    "libwebp": (r"webp/.*\.h$", r"docparse/load_webp\.c$"),
    "OpenSSL": (r"openssl/.*\.h$", r"docparse/digest\.c$|engine/qwen25vl/weights\.c$|service/rpc/tls[a-z_]*\.c$"),
    "jansson": (r"jansson\.h$", r"output/json[a-z_]*\.c$|service/[a-z_/]*\.c$|service/bench/odb_private\.h$|engine/qwen25vl/([a-z_]*\.c|json_read\.h|tokenizer_private\.h)$"),
    "libxml2": (r"libxml/.*\.h$", r"docparse/markup[a-z_]*\.c$|service/bench/(html|teds)\.c$"),
    "zlib": (r"zlib\.h$", r"output/[a-z_]*\.c$|docparse/pdf_[a-z_]*\.c$"),
    "qpdf": (r"qpdf/.*\.h(h)?$", r"output/pdf_original\.c$"),
    "libxlsxwriter": (r"xlsxwriter.*\.h$", r"output/xlsx[a-z_]*\.c$"),
    "gRPC": (r"grpc/(?!health|reflection).*\.h$", r"service/rpc/[a-z_]*\.c$|service/rpc/(call|client|core)_private\.h$"),
    "the heap of the C library": (r"malloc\.h$", r"service/rpc/heap\.c$"),
    "libmicrohttpd": (r"microhttpd\.h$", r"service/rpc/(metrics_http|web)\.c$"),
    "utf8proc": (r"utf8proc\.h$", r"service/bench/[a-z_]*\.c$"),
    "SQLite": (r"sqlite3\.h$", r"service/rpc/job_(store|keep)\.c$|service/rpc/job_store_private\.h$"),
    "setjmp": (r"setjmp\.h$", r"(docparse/load|output/)_?jpeg\.c$"),  # libjpeg has no other way to report errors
}

ISO_C = {h + ".h" for h in """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype""".split()}
POSIX = re.compile(r"(sys/.*|arpa/inet|dirent|dlfcn|errno|fcntl|fnmatch|ftw|getopt|glob|linux/.*|netdb|netinet/.*|poll|pthread|pwd|sched|strings|syslog|termios|unistd)\.h$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
OPENERS = re.compile(r"dp_library\((\w+)([^)]*)\)", re.S)


def folder_of(name):
    best = ""
    for folder in LAYERS:
        if name.startswith(folder + "/") and len(folder) > len(best):
            best = folder
    return best


def below(folder, allowed):
    return any(folder == a or folder.startswith(a + "/") for a in allowed)


def is_private(name):
    return name.endswith("_private.h")


def check_own(name, folder, target, known):
    """Why `name` may not include our header `target`; None when it may."""
    if target not in known:
        return "there is no such file; include our headers by their path from the root of the tree"
    other = folder_of(target)
    if other == folder or folder == "tests":
        return None
    if not below(other, LAYERS[folder]):
        may = ", ".join(LAYERS[folder]) or "nobody"
        return "%s may include %s besides itself: move the code down a layer, or pass what it needs through a parameter" % (folder, may)
    if is_private(target):
        return "a private header stays in its folder %s: use the public one" % other
    doors = DOORS.get((folder, other))
    if doors and target not in doors:
        return "%s sees of %s only %s" % (folder, other, ", ".join(sorted(doors)))
    return None


def check_foreign(name, folder, target):
    if folder == "tests":
        return None
    for library, (headers, users) in THIRD_PARTY.items():
        if re.match(headers, target):
            if re.match(users, name):
                return None
            return "%s belongs to files matching %s only: hide it behind one of them" % (library, users)
    if target in ISO_C:
        return None
    if POSIX.match(target):
        public = name.endswith(".h") and not is_private(name)
        return "a public header includes ISO C headers and ours only: move it to the .c file" if public else None
    return "unknown library: name it with its users in THIRD_PARTY of tests/meta/layers.py"


def check_includes(tree):
    known, found = set(tree.files), []
    for name in tree.c_files():
        folder = folder_of(name)
        text = tree.text(name)
        if not folder:
            found.append("%s: C code lives in one of %s" % (name, ", ".join(LAYERS)))
            continue
        for match in INCLUDE.finditer(text):
            quoted, target = match.group(1) == '"', match.group(2)
            foreign = not quoted or target.endswith(".pb-c.h")
            why = check_foreign(name, folder, target) if foreign else check_own(name, folder, target, known)
            if why:
                found.append("%s:%d: includes %s: %s" % (name, line_of(text, match.start()), target, why))
    return found


def check_links(tree):
    """USES of every dp_library against the same table."""
    libraries, found = {}, []
    for name, text in tree.texts("CMakeLists.txt"):
        for match in OPENERS.finditer(text):
            libraries[match.group(1)] = (os.path.dirname(name), match.group(2), name)
    for library, (folder, body, name) in sorted(libraries.items()):
        uses = re.search(r"\bUSES\b((?:\s+(?!PRIVATE_LIBS|DEFINES|SOURCES)[\w:]+)*)", body)
        for used in uses.group(1).split() if uses else []:
            other = libraries.get(used, (None,))[0]
            if other and folder in LAYERS and other != folder and not below(other, LAYERS[folder] + transitive(folder)):
                found.append("%s: %s links %s of %s, which lies above it" % (name, library, used, other))
    return found


def transitive(folder):
    reached, todo = set(), list(LAYERS[folder])
    while todo:
        f = todo.pop()
        if f not in reached:
            reached.add(f)
            todo += LAYERS.get(f, [])
    return sorted(reached)


def check(tree):
    return check_includes(tree) + check_links(tree)


if __name__ == "__main__":
    problems = check(Tree(sys.argv[1]))
    print("\n".join(problems) or "layers: fine")
    sys.exit(1 if problems else 0)
