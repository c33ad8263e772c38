# SPDX-License-Identifier: Apache-2.0
"""Compares the engine's answers with PyTorch's: parity.py CHECKPOINT_DIR SHARDS BENCH_FORMULAS [--count 200]

Reads held-out pictures (test-* shards) with the exported weights in fp32 here and with bench_formulas (exact and int8), and
prints how many answers are equal token by token, the scores of each, and the processor time a picture.
"""
import argparse
import json
import os
import struct
import subprocess
import tempfile

import numpy as np
import torch

import curve
import model as m
import tokens as tk
from data import Pictures


def load(folder):
    """The network with the weights of an exported checkpoint, in fp32."""
    with open(os.path.join(folder, "config.json")) as f:
        c = json.load(f)
    v = c["vision_config"]
    s = m.Shape(vocab=c["vocab_size"], v_hidden=v["hidden_size"], v_depth=v["depth"], v_heads=v["num_heads"], v_inner=v["intermediate_size"],
                v_full=v["fullatt_block_indexes"], hidden=c["hidden_size"], layers=c["num_hidden_layers"], heads=c["num_attention_heads"],
                kv_heads=c["num_key_value_heads"], inner=c["intermediate_size"], theta=c["rope_theta"], eps=c["rms_norm_eps"])
    net = m.Reader(s, (tk.START, tk.END))
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        size, = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(size))
        data = f.read()
    state = net.state_dict()
    for name, e in header.items():
        if name == "__metadata__":
            continue
        t = torch.frombuffer(bytearray(data[e["data_offsets"][0]:e["data_offsets"][1]]), dtype=torch.bfloat16).float().view(e["shape"])
        state[name] = t.sum((1, 2)).reshape(s.v_hidden, -1) if name == "visual.patch_embed.proj.weight" else t
    net.load_state_dict(state)
    return net.eval()


def centre(a, b):
    return a // 2, b // 2


def score(answers, wanted):
    right = sum(a == w for a, w in zip(answers, wanted)) / len(wanted)
    return right, float(np.mean([curve.edit(a, w) / max(len(a), len(w), 1) for a, w in zip(answers, wanted)]))


def engine(program, folder, precision, paths, threads):
    run = subprocess.run([program, folder, precision, str(threads)] + paths, capture_output=True, text=True, check=True)
    ids = [[int(t) for t in line.split("\t")[2].split()] for line in run.stdout.splitlines()]
    sure = [float(line.split("\t")[1]) for line in run.stdout.splitlines()]
    return [a[:-1] if a and a[-1] == tk.STOP else a for a in ids], sure, run.stderr.strip()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("folder")
    ap.add_argument("shards")
    ap.add_argument("program")
    ap.add_argument("--count", type=int, default=200)
    ap.add_argument("--threads", type=int, default=2)
    a = ap.parse_args()
    net, pictures = load(a.folder), Pictures(a.shards, "test", 3).refresh()
    items = list(range(0, len(pictures.answers), max(1, len(pictures.answers) // a.count)))[:a.count]
    torch.set_num_threads(1)
    ours, wanted, paths = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for i in items:
            pixels = pictures.batch([i], marks=False, place=centre)[0]
            ours.append(net.read(pixels, tk.STOP, 159)[0][0])
            wanted.append(pictures.answers[i].tolist())
            paths.append(os.path.join(folder, "%d.pgm" % i))
            grey = ((pixels[0] + 2) * 127.5).round().to(torch.uint8).numpy()
            with open(paths[-1], "wb") as f:
                f.write(b"P5 %d %d 255\n" % (grey.shape[1], grey.shape[0]) + grey.tobytes())
        print("PyTorch fp32: exact %.3f, edit %.3f of %d held-out pictures" % (*score(ours, wanted), len(items)))
        for precision in ("exact", "bf16", "int8:2", "int8"):  # int8:2 is int8 with AVX2 only
            got, sure, said = engine(a.program, a.folder, precision, paths, a.threads)
            print("engine %s: %d of %d answers equal PyTorch's; exact %.3f, edit %.3f\n  %s" %
                  (precision, sum(x == y for x, y in zip(got, ours)), len(items), *score(got, wanted), said))
        for bound in (0.2, 0.35, 0.5, 0.65, 0.8, 0.9):
            shown = [i for i in range(len(items)) if np.exp(sure[i]) >= bound]
            if shown:
                print("  int8 answers with a probability of %.2f and more: %d, right %.3f, edit %.3f" %
                      (bound, len(shown), *score([got[i] for i in shown], [wanted[i] for i in shown])))


if __name__ == "__main__":
    main()
