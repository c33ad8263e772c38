# SPDX-License-Identifier: Apache-2.0
"""No state outside structs: globals.py BUILD

Lists the variables in .data and .bss of our libraries and refuses those that are not named below with a reason. Constants with
addresses in them (.data.rel.ro) are no state.
"""
import glob, os, re, subprocess, sys

# object file, pattern of its variables: why they must be there
ALLOWED = {
    ("log.c.o", r"log_(level|hook|hook_ctx)"): "set by main (the level again when a server reloads), read by every thread: atomics",
    ("pdf_marks.c.o", r"one_script"): "a lock around a part of cairo that all documents of the process share",
    ("pdf_marks.c.o", r"script_count(\.\d+)?"): "an atomic number that tells apart what cairo keeps of fonts for the whole process",
    ("onnx.pb-c.c.o", r".*"): "generated: descriptors of protobuf-c",
}
GENERATED = re.compile(r"\.pb-c\.c\.o$")
SYMBOL = re.compile(r"^[0-9a-f]+ (.{7}) (\.\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$")
STATE = re.compile(r"\.(data|bss|tdata|tbss)(\.(?!rel\.ro)\S+)?$")


def variables(archive):
    out = subprocess.run(["objdump", "-t", archive], check=True, stdout=subprocess.PIPE).stdout.decode()
    member = ""
    for line in out.splitlines():
        if line.endswith(("elf64-x86-64", "elf64-littleaarch64")):
            member = line.split(":")[0]
            continue
        match = SYMBOL.match(line)
        if match and "O" in match.group(1) and STATE.match(match.group(2)) and int(match.group(3), 16) > 0:
            yield member, match.group(4)


def check(build):
    found, libraries = [], []
    for pattern in ("engine/*/lib*.a", "docparse/lib*.a", "output/lib*.a", "service/lib*.a"):
        libraries += glob.glob(os.path.join(build, pattern))
    if not libraries:
        return ["no library in %s: build first" % build]
    for archive in sorted(libraries):
        for member, name in variables(archive):
            if GENERATED.search(member) or any(member == m and re.fullmatch(p, name) for m, p in ALLOWED):
                continue
            found.append("%s: %s holds the variable %s: put it into a struct that its user owns, or make it const" % (os.path.basename(archive), member, name))
    return found


if __name__ == "__main__":
    problems = check(sys.argv[1])
    print("\n".join(problems) or "globals: fine")
    sys.exit(1 if problems else 0)
