# SPDX-License-Identifier: Apache-2.0
"""The files of the source tree, for the checks beside this file: names, texts, C without comments and strings."""
import os, re, subprocess

BINARY = re.compile(r"\.(pdf|tiff?|png|jpe?g|webp|onnx|bin|zip|safetensors)$")


class Tree:
    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.files = sorted(self._list())
        self._texts = {}

    def _list(self):
        """Tracked and new files; all files below a folder that git does not know (an unpacked archive)."""
        if os.path.exists(os.path.join(self.root, ".git")):
            out = subprocess.run(["git", "-C", self.root, "ls-files", "-z", "-co", "--exclude-standard"], check=True, stdout=subprocess.PIPE).stdout
            return [f for f in out.decode("utf-8", "surrogateescape").split("\0") if f and os.path.isfile(os.path.join(self.root, f))]
        found = []
        for folder, dirs, names in os.walk(self.root):
            if folder == self.root:
                dirs[:] = [d for d in dirs if d != "build"]
            dirs[:] = [d for d in dirs if d != "__pycache__"]
            found += [os.path.relpath(os.path.join(folder, n), self.root) for n in names]
        return found

    def path(self, name):
        return os.path.join(self.root, name)

    def text(self, name):
        if name not in self._texts:
            with open(self.path(name), encoding="utf-8", errors="replace") as f:
                self._texts[name] = f.read()
        return self._texts[name]

    def texts(self, *endings):
        """(name, text) of all text files, or of those with one of the endings."""
        for name in self.files:
            if not BINARY.search(name) and (not endings or name.endswith(endings)):
                yield name, self.text(name)

    def c_files(self):
        return [f for f in self.files if f.endswith((".c", ".h"))]


_TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def bare_c(text):
    """C source with comments, strings and characters blanked; line numbers stay."""
    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + found[0]
        return re.sub(r"[^\n]", " ", found)
    return _TOKEN.sub(blank, text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1
