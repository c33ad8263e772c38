# SPDX-License-Identifier: Apache-2.0
"""Every step of training in two minutes on a CPU: pictures by TeX, some steps, going on from a checkpoint, export, and the
engine's answers beside PyTorch's. test_training.py BENCH_FORMULAS; needs pdflatex and Python with torch, numpy, Pillow, pypdfium2
(DP_TRAINING_PYTHON names it, default: the one that runs this). Without them: SKIP."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PYTHON = os.environ.get("DP_TRAINING_PYTHON", sys.executable)
SYNTH, TRAINING = os.path.join(ROOT, "corpora", "synth"), os.path.join(ROOT, "engine", "training")


def skip(why):
    print("SKIP: %s" % why)
    sys.exit(77)


def call(*arguments):
    run = subprocess.run([PYTHON, "-B", *arguments], capture_output=True, text=True, timeout=300)
    if run.returncode:
        sys.exit("FAILED: %s\n%s" % (" ".join(arguments), run.stdout[-2000:] + run.stderr[-3000:]))
    return run.stdout


def main():
    program = sys.argv[1]
    if not shutil.which("pdflatex"):
        skip("no pdflatex on this machine")
    for module in ("torch", "numpy", "PIL", "pypdfium2"):
        if subprocess.run([PYTHON, "-c", "import " + module], stderr=subprocess.DEVNULL).returncode:
            skip("%s has no module %s (DP_TRAINING_PYTHON names another Python)" % (PYTHON, module))
    with tempfile.TemporaryDirectory() as folder:
        data, out, checkpoint = (os.path.join(folder, n) for n in ("data", "out", "checkpoint"))
        for level, fonts in ((0, "train"), (1, "train"), (2, "train"), (1, "test")):
            call(os.path.join(SYNTH, "make_formulas.py"), data, "--level", str(level), "--count", "40", "--fonts", fonts, "--only", "times", "stix")
        first = os.path.join(data, "train-0-00000.npz")
        kept = open(first, "rb").read()
        os.remove(first)
        call(os.path.join(SYNTH, "make_formulas.py"), data, "--level", "0", "--count", "40", "--only", "times", "stix")
        assert open(first, "rb").read() == kept, "the same shard has other bytes"
        small = ["--v-depth", "2", "--layers", "2", "--patches", "1024", "--checks", "8", "--every", "1000", "--threads", "2", "--warm", "5"]
        call(os.path.join(TRAINING, "train.py"), data, out, "--steps", "12", *small)
        said = call(os.path.join(TRAINING, "train.py"), data, out, "--steps", "24", "--resume", *small)
        rows = [dict(part.split("=") for part in line.split()) for line in said.splitlines() if line.startswith("step=")]
        assert rows and rows[-1]["step"] == "24" and float(rows[-1]["loss"]) < 6.4, said
        for name in ("curve.csv", "curve.svg", "checkpoint.pt"):
            assert os.path.getsize(os.path.join(out, name)) > 0, name
        call(os.path.join(TRAINING, "export.py"), os.path.join(out, "checkpoint.pt"), checkpoint)
        said = call(os.path.join(TRAINING, "parity.py"), checkpoint, data, program, "--count", "16")
        equal = re.search(r"engine exact: (\d+) of (\d+)", said)
        assert equal and equal.group(1) == equal.group(2) == "16", said
    print("training: fine\n" + said)


if __name__ == "__main__":
    main()
