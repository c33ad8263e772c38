# SPDX-License-Identifier: Apache-2.0
"""The checks find what they are for: selftest.py ROOT BUILD

Plants one fault at a time into a small tree and expects exactly the check that it breaks to speak, with the file's name.
"""
import os, shutil, sys, tempfile, unittest

sys.dont_write_bytecode = True
import deploy
import globals as variables
import headers
import layers
import schemas
import style
from tree import Tree, bare_c

ROOT, BUILD = sys.argv[1:3]
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
HEAD = LICENCE + "/* What it does. */\n"


def header(name, body=""):
    guard = name.upper().replace("/", "_").replace(".", "_")
    return LICENCE + "#ifndef %s\n#define %s\n\n%s\n#endif\n" % (guard, guard, body)


class Planted(unittest.TestCase):
    def problems(self, files, check):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(folder, name)) or folder, exist_ok=True)
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(text if isinstance(text, bytes) else text.encode())
            return check(Tree(folder))

    def fails(self, files, word, check=style.check):
        found = self.problems(files, check)
        self.assertTrue(any(word in p for p in found), (word, found))

    def passes(self, files, check=style.check):
        self.assertEqual(self.problems(files, check), [])


class Layers(Planted):
    BASE = {"engine/base/err.h": header("engine/base/err.h"), "docparse/document.h": header("docparse/document.h"),
            "docparse/loader.h": header("docparse/loader.h"), "docparse/loader_private.h": header("docparse/loader_private.h")}

    def one(self, name, include):
        return dict(self.BASE, **{name: HEAD + "#include " + include + "\n"})

    def test_upwards(self):
        self.fails(self.one("engine/base/x.c", '"docparse/document.h"'), "engine/base may include nobody", layers.check)
        self.fails(self.one("engine/graph/x.c", '"docparse/document.h"'), "engine/graph/x.c:3", layers.check)
        self.passes(self.one("docparse/x.c", '"engine/base/err.h"'), layers.check)

    def test_doors_and_private(self):
        self.fails(self.one("output/x.c", '"docparse/loader.h"'), "only docparse/document.h", layers.check)
        self.passes(self.one("output/x.c", '"docparse/document.h"'), layers.check)
        self.fails(self.one("service/x.c", '"docparse/loader_private.h"'), "private header", layers.check)
        self.passes(self.one("tests/unit/x.c", '"docparse/loader_private.h"'), layers.check)
        self.fails(self.one("service/x.c", '"document.h"'), "no such file", layers.check)

    def test_libraries(self):
        self.fails(self.one("docparse/x.c", "<tiffio.h>"), "libtiff", layers.check)
        self.passes(self.one("docparse/load_tiff.c", "<tiffio.h>"), layers.check)
        self.fails(self.one("docparse/x.c", "<dnnl.h>"), "oneDNN", layers.check)
        self.fails(self.one("docparse/x.c", "<poppler.h>"), "Poppler", layers.check)
        self.fails(self.one("engine/base/x.c", "<curl/curl.h>"), "unknown library", layers.check)
        self.fails(self.one("docparse/x.h", "<pthread.h>"), "public header", layers.check)

    def test_links(self):
        files = dict(self.BASE, **{"engine/base/CMakeLists.txt": "dp_library(eng_base SOURCES a.c USES core)", "docparse/CMakeLists.txt": "dp_library(core SOURCES b.c)"})
        self.fails(files, "lies above", layers.check)
        files["engine/base/CMakeLists.txt"] = "dp_library(eng_base SOURCES a.c)"
        files["docparse/CMakeLists.txt"] = "dp_library(core SOURCES b.c USES eng_base)"
        self.passes(files, layers.check)


class Style(Planted):
    def test_fine(self):
        self.passes({"engine/base/x.h": header("engine/base/x.h"), "engine/base/x.c": HEAD, "README.md": "hello"})

    def test_licence_and_head(self):
        self.fails({"engine/base/x.c": "/* nothing */\n"}, "no SPDX line")
        self.fails({"deploy/x.sh": "#!/bin/sh\n"}, "no SPDX line")
        self.fails({"engine/base/x.c": LICENCE + "#include <stdio.h>\n"}, "one paragraph")
        self.fails({"engine/base/x.h": header("engine/base/y.h")}, "include guard")

    def test_top(self):
        self.fails({"notes.txt": "# SPDX-License-Identifier: Apache-2.0\n"}, "top level is closed")
        self.fails({"docs/x.md": "x"}, "top level is closed")

    def test_sizes(self):
        self.fails({"tests/big.bin": bytes((1 << 20) + 1)}, "1 MiB")
        self.fails({"engine/base/x.c": HEAD + "\n" * 900}, "902 lines")
        body = "static int long_one(int a)\n{\n%s    return a;\n}\n"
        self.fails({"engine/base/x.c": HEAD + body % ("    a++;\n" * 96)}, "long_one has 100 lines")
        self.passes({"engine/base/x.c": HEAD + body % ("    a++;\n" * 95)})
        self.passes({"engine/base/x.c": HEAD + "static const int table[] = {\n" + "    1,\n" * 200 + "};\n"})

    def test_banned(self):
        for call in ("sprintf", "strcpy", "strtok", "atoi", "system", "exit"):
            self.fails({"engine/base/x.c": HEAD + "void f(void)\n{\n    %s(a);\n}\n" % call}, "%s is banned" % call)
        self.passes({"engine/base/x.c": HEAD + "/* strcpy(a) */\nvoid f(void)\n{\n    puts(\"atoi(b)\");\n    svc_exit(1);\n    o->exit(2);\n}\n"})

    def test_places(self):
        for place in ("work", "home", "tmp"):
            self.fails({"deploy/x.sh": "# SPDX-License-Identifier: Apache-2.0\ncd /%s/x\n" % place}, "place of one machine")
        self.fails({"README.md": "see %s.org" % "pypi"}, "registry's host")

    def test_architecture(self):
        files = {"docparse/load_png.c": HEAD, "ARCHITECTURE.md": "`load_png.c`, `docparse/load_*.c`; `png.h` of a library\n"}
        self.fails(files, "ARCHITECTURE.md:1: there is no file png.h")
        self.passes(dict(files, **{"ARCHITECTURE.md": "`load_png.c`, `docparse/load_*.c`; png.h of a library\n"}))

    def test_blanking(self):
        self.assertEqual(bare_c('a /* b\n */ "c\\"d" \'"\' // e\nf'), "a     \n    \"\" '' " + " " * 4 + "\nf")


class Built(Planted):
    def test_headers(self):
        good, bad = header("engine/base/x.h", "#include <stddef.h>\nsize_t f(void);"), header("engine/base/y.h", "size_t f(void);")
        self.passes({"engine/base/x.h": good}, lambda tree: headers.check(tree, BUILD))
        self.fails({"engine/base/y.h": bad}, "y.h does not compile alone", lambda tree: headers.check(tree, BUILD))

    def test_variables(self):
        seen = list(variables.variables(os.path.join(BUILD, "engine/base/libeng_base.a")))
        self.assertIn(("log.c.o", "log_level"), seen)
        allowed, variables.ALLOWED = variables.ALLOWED, {}
        try:
            self.assertTrue(any("log_level" in p for p in variables.check(BUILD)))
        finally:
            variables.ALLOWED = allowed


class Schemas(unittest.TestCase):
    def files(self):
        with open(os.path.join(BUILD, "service/rpc/generated/schemas.bin"), "rb") as f:
            return schemas.FileDescriptorSet.FromString(f.read())

    def message(self, files, name):
        return next(m for file in files.file for m in file.message_type if file.package == "docparse.v1" and m.name == name)

    def broken(self, change):
        """What is said when `change` has been done to the schemas."""
        before, files = schemas.facts(self.files()), self.files()
        change(files)
        return schemas.compare(before, schemas.facts(files))

    def test_what_breaks_clients(self):
        field = lambda files: self.message(files, "Word").field[2]
        enum = lambda files: next(e for file in files.file for e in file.enum_type if e.name == "BlockType")
        service = lambda files: next(s for file in files.file for s in file.service if s.name == "DocumentParser")
        for change in (lambda f: setattr(field(f), "number", 9), lambda f: setattr(field(f), "name", "trust"), lambda f: setattr(field(f), "type", 1),
                       lambda f: setattr(field(f), "label", 3), lambda f: self.message(f, "Word").field.pop(), lambda f: setattr(enum(f).value[3], "number", 99),
                       lambda f: enum(f).value.pop(), lambda f: setattr(service(f).method[0], "server_streaming", True),
                       lambda f: setattr(service(f).method[0], "input_type", ".docparse.v1.AskRequest"), lambda f: service(f).method.pop(),
                       lambda f: self.message(f, "ParseChunk").field[0].ClearField("oneof_index")):
            self.assertTrue(self.broken(change)[0])
        self.assertEqual(self.broken(lambda f: None), ([], []))
        gone, added = self.broken(lambda f: self.message(f, "Word").field.add(name="font", number=7, type=9, label=1))
        self.assertEqual((gone, added), ([], ["field docparse.v1.Word 7 font string singular"]))

    def test_what_the_decoder_cannot_bear(self):
        self.assertEqual(schemas.check_shapes(self.files()), [])
        for change, word in ((lambda m: m.field.add(name="page", number=90, type=11, label=1, type_name=".docparse.v1.Page"), "contains itself"),
                             (lambda m: m.field.add(name="x", number=91, type=9, label=1, proto3_optional=True), "optional")):
            files = self.files()
            change(self.message(files, "Word"))
            self.assertTrue(any(word in p for p in schemas.check_shapes(files)), word)


class Deploy(unittest.TestCase):
    """The set-up files of the tree with one word changed."""

    def planted(self, name, old, new):
        with tempfile.TemporaryDirectory() as root:
            for folder in ("deploy", "service/rpc"):
                shutil.copytree(os.path.join(ROOT, folder), os.path.join(root, folder))
            shutil.copy(os.path.join(ROOT, "service", "serve_options.c"), os.path.join(root, "service"))
            path = os.path.join(root, "deploy", name)
            with open(path, encoding="utf-8") as f:
                text = f.read()
            self.assertIn(old, text)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace(old, new))
            return [p for one in (deploy.check_dashboard, deploy.check_runbook, deploy.check_flags) for p in one(root)]

    def test_finds_what_does_not_exist(self):
        self.assertEqual(self.planted("RUNBOOK.md", "docparse", "docparse"), [])
        for name, old, new, word in (("grafana-dashboard.json", "docparse_queue_waiting", "docparse_queue_length", "no metric docparse_queue_length"),
                                     ("grafana-dashboard.json", "sum by (status) (rate(", "sum by (status) ((rate(", "unbalanced"),
                                     ("RUNBOOK.md", "| POISON |", "| POISONED |", "reason POISON is not explained"),
                                     ("RUNBOOK.md", "`slow-client`", "`slow-clients`", "no key slow-clients"),
                                     ("RUNBOOK.md", "process_open_fds", "process_open_files", "no metric process_open_files"),
                                     ("docparse.service", "serve --config", "serve --configuration", "no option --configuration"),
                                     ("Containerfile", "--state-dir=", "--state=", "no option --state"),
                                     ("Containerfile", "USER 10001", "USER root", "must not run as root"),
                                     ("nginx.conf.sample", "--web-host", "--web-name", "no option --web-name")):
            self.assertTrue(any(word in p for p in self.planted(name, old, new)), (name, new, self.planted(name, old, new)))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
