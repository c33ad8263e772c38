# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone: headers.py ROOT BUILD

Compiles a file with nothing but `#include "the/header.h"` for each header of ours, with the project's warnings, so that no header
leans on what its users happened to include before it.
"""
import concurrent.futures, json, os, re, subprocess, sys

from tree import Tree

# Parts of a translation unit rather than headers: included once by the file that sets them up.
FRAGMENTS = re.compile(r"engine/kernels/vec(_\w+)?\.h$|tests/support/vec_\w+\.h$")
WARNINGS = "-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wundef -Wvla -Werror".split()


def compiler(build):
    """The compiler of the build and the folders that it searches."""
    with open(os.path.join(build, "compile_commands.json")) as f:
        commands = json.load(f)
    words = [w for c in commands for w in c["command"].split()]
    found = sorted({w for w in words if w.startswith("-I")})
    for flag, folder in zip(words, words[1:]):
        if flag == "-isystem" and folder not in found:
            found += ["-isystem", folder]
    first = [w for w in commands[0]["command"].split() if not w.endswith("ccache")][0]
    return first, found


def compile_one(job):
    header, cc, flags, root = job
    text = '#include "%s"\ntypedef int not_empty;\n' % header
    done = subprocess.run([cc, "-fsyntax-only", "-x", "c", *WARNINGS, "-D_GNU_SOURCE", "-I", root, *flags, "-"], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if done.returncode == 0 else "%s does not compile alone: include in it what it uses\n%s" % (header, done.stdout.decode(errors="replace"))


def check(tree, build):
    cc, flags = compiler(build)
    jobs = [(f, cc, flags, tree.root) for f in tree.files if f.endswith(".h") and not FRAGMENTS.search(f)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return [why for why in pool.map(compile_one, jobs) if why]


if __name__ == "__main__":
    problems = check(Tree(sys.argv[1]), sys.argv[2])
    print("\n".join(problems) or "headers: fine")
    sys.exit(1 if problems else 0)
