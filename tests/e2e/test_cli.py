# SPDX-License-Identifier: Apache-2.0
"""The command line itself: help, usage errors, info, models, version, manual page, completion."""
import hashlib, json, os, re, shutil, subprocess, unittest

from e2e import FAILED, MODELS, OK, PROGRAM, SETUP, SOURCE, USAGE, Case, main, pdf, png, tiff

MAN = os.environ.get("DP_MAN", "")


def commands(case):
    return re.findall(r"^  ([a-z]+) ", re.search(r"Commands:\n(.*?)\n\n", case.run_program("--help", code=OK).out, re.S).group(1), re.M)


def options(text):
    lines = re.findall(r"^ {2,6}(-.*?)(?:  |$)", text, re.M)
    return sorted({o for line in lines for o in re.findall(r"(?<![\w-])--[a-z][a-z-]*", line)})


class Help(Case):
    def test_every_command_has_help(self):
        self.assertTrue({"convert", "info", "models", "version"} <= set(commands(self)))
        for command in commands(self):
            shown = self.run_program(command, "--help", code=OK)
            self.assertEqual(shown.err, "", command)
            self.assertTrue(shown.out.startswith("Usage: docparse " + command), command)
            self.assertEqual(self.run_program("help", command, code=OK).out, shown.out)
            self.assertTrue(all(len(l) <= 120 for l in shown.out.splitlines()), command)
        self.assertIn("Exit status", self.run_program("convert", "--help").out)

    def test_no_command(self):
        self.assertIn("Commands:", self.run_program(code=USAGE).err)

    def test_suggestions(self):
        for args, words in (((("convrt",)), "did you mean 'convert'"), (("convert", "--ouput", "x", "y"), "did you mean '--output'"),
                            (("convert", "-f", "jsn", "x"), "did you mean 'json'"), (("convert", "--pa", "1", "x"), "could be"),
                            (("convert", "--dpi"), "needs a value"), (("convert", "--resume=1", "x"), "takes no value"),
                            (("convert", "-Z", "x"), "no option '-Z'"), (("convert",), "at least one"), (("info",), "at least one"),
                            (("models", "burn"), "no action"), (("version", "now"), "no arguments"), (("info", "--jsn", "x"), "did you mean '--json'")):
            result = self.run_program(*args, code=USAGE)
            self.assertIn(words, result.err, args)
            self.assertIn("--help", result.err)
            self.assertEqual(result.out, "")
        self.write("a.pdf", pdf([["x"]]))
        self.assertIn("there are json, jsonl, html", self.run_program("convert", "-f", "docx", "a.pdf", code=USAGE).err)
        self.assertIn("'a.pdf' is a file", self.run_program("convert", "a.pdf", "-o", "a.pdf", code=USAGE).err)
        self.assertIn("not a file such as 'x.md'", self.run_program("convert", "a.pdf", "-o", "x.md", code=USAGE).err)
        os.mkdir(self.at("y.md"))
        self.run_program("convert", "a.pdf", "-q", "-o", "y.md", code=OK)
        self.assertIn("docparse convert a.pdf", self.run_program("a.pdf", code=USAGE).err)

    def test_version(self):
        self.assertRegex(self.run_program("version", code=OK).out, r"^docparse \d+\.\d+\.\d+\n$")
        self.assertEqual(self.run_program("--version", code=OK).out, self.run_program("version").out)


class Info(Case):
    def test_plain_and_json(self):
        data = pdf([["x"], ["y"]])
        self.write("a.pdf", data)
        self.write("b.tif", tiff([(64, 48, 250)] * 3))
        plain = self.run_program("info", "a.pdf", "b.tif", code=OK).out
        self.assertIn("400.0 x 792.0 pt", plain)
        self.assertIn("64 x 48 px", plain)
        lines = [json.loads(l) for l in self.run_program("info", "--json", "a.pdf", "b.tif", code=OK).out.splitlines()]
        self.assertEqual([l["page_count"] for l in lines], [2, 3])
        self.assertEqual(lines[0]["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual((lines[0]["media_type"], lines[0]["unit"], lines[0]["encrypted"]), ("application/pdf", "pt", False))
        self.assertEqual(lines[1]["pages"][2], {"width": 64, "height": 48})

    def test_bad_files_do_not_stop_it(self):
        self.write("empty", b"")
        self.write("good.png", png(64, 48))
        result = self.run_program("info", "--json", "empty", "gone", "good.png", code=FAILED)
        self.assertEqual(json.loads(result.out)["name"], "good.png")
        self.names_error(result, "empty", "format")
        self.names_error(result, "gone", "not_found")

    def test_password(self):
        self.write("locked.pdf", pdf([["x"]], encrypt="pw"))
        self.write("pw", "pw")
        self.names_error(self.run_program("info", "locked.pdf", code=FAILED), "locked.pdf", "password")
        self.assertTrue(json.loads(self.run_program("info", "--json", "--password-file=pw", "locked.pdf", code=OK).out)["encrypted"])

    def test_standard_input(self):
        self.assertIn("application/pdf", self.run_program("info", "-", stdin=pdf([["x"]]), code=OK).out)


class ModelFiles(Case):
    def test_list_path_verify(self):
        self.assertIn("Apache-2.0", self.run_program("models", code=OK).out)
        self.assertEqual(self.run_program("models", "path", code=OK).out.strip(), MODELS)
        self.assertEqual(self.run_program("models", "verify", code=OK).out.count(" ok"), 5)
        self.assertIn("deploy/models.sh", self.run_program("models", "verify", "--models", "gone", code=SETUP).err)


    def test_pack(self):
        checkpoint = os.path.join(os.environ.get("DP_SHARED", ""), "data/golden/overfit")
        self.assertIn("--quant", self.run_program("models", "pack", "x", code=USAGE).err)
        self.assertIn("one checkpoint", self.run_program("models", "pack", "--quant=int8", code=USAGE).err)
        self.assertIn("config.json", self.run_program("models", "pack", "gone", "--quant=int8", code=SETUP).err)
        self.assertFalse(os.path.exists(self.at("gone")))
        if not os.path.exists(checkpoint):
            self.skipTest("no shared checkpoint")
        first = self.run_program("models", "pack", checkpoint, "--quant=int8", "-o", self.at("packed"), code=OK).out.strip()
        self.assertGreater(os.path.getsize(first), 500000)
        self.assertIn("packed before", self.run_program("models", "pack", checkpoint, "--quant=int8", "-o", self.at("packed"), code=OK).out)
        with open(first, "r+b") as f:
            f.truncate(1000)
        self.assertIn("models pack", self.run_program("models", "pack", checkpoint, "--quant=int8", "-o", self.at("packed"), code=SETUP).err)


class Manual(Case):
    def test_page_has_every_command_and_option(self):
        if not MAN:
            self.skipTest("no manual page in this build")
        with open(MAN, encoding="utf-8") as f:
            page = f.read().replace("\\-", "-")
        self.assertNotIn("@", re.sub(r"'@LIST'|@LIST", "", page))
        for command in commands(self):
            self.assertIn(".SH DOCPARSE " + command.upper(), page)
            for option in options(self.run_program(command, "--help").out):
                self.assertRegex(page, r"(?m)^\.B .*" + re.escape(option) + r"\b", command)

    def test_page_is_well_formed(self):
        if not MAN or not shutil.which("groff"):
            self.skipTest("groff is not installed")
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", MAN], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.stderr.decode(), "")
        shown = re.sub(".\b", "", done.stdout.decode())
        for word in ("SYNOPSIS", "--text-layer MODE", "searchable PDF"):
            self.assertTrue(word in shown, word)


class Completion(Case):
    def complete(self, *words):
        """What bash offers for the last word."""
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _docparse "$1"; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "bash", os.path.join(SOURCE, "deploy", "docparse.bash-completion"), PROGRAM, *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder)
        self.assertEqual(done.stderr.decode(), "")
        return done.stdout.decode().split()

    def test_commands_options_values_files(self):
        self.assertEqual(self.complete("conv"), ["convert"])
        self.assertTrue(set(commands(self)) <= set(self.complete("")))
        for command in commands(self):
            shown = options(self.run_program(command, "--help").out)
            self.assertTrue(set(shown) <= set(self.complete(command, "--")), command)
        self.assertEqual(self.complete("convert", "--text-layer", "d"), ["draft"])
        self.assertEqual(self.complete("convert", "--text-layer", "=", "o"), ["off"])
        self.assertIn("json", self.complete("convert", "-f", "js"))
        self.assertEqual(self.complete("convert", "-f", "html,m"), ["html,md"])
        self.assertEqual(self.complete("models", "v"), ["verify"])
        self.write("scan.pdf", b"x")
        self.assertEqual(self.complete("convert", "sc"), ["scan.pdf"])


if __name__ == "__main__":
    main()
