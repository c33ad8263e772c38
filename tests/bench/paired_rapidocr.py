#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole pages against RapidOCR on ONNX Runtime, both in turn on every page, so that what else the machine does hits
both alike.

usage: paired_rapidocr.py BENCH_COMPACT MODELS PAGE... [--threads N] [--rounds N] [--arena]

BENCH_COMPACT is the built program, run once with -i. Prints a row a page with the medians over the rounds: seconds
and CPU seconds of both and the ratios RapidOCR / docparse (above 1: docparse is faster), then the ratios of the
sums. The first round warms both up and is not counted. Decoding the file is outside the clock on both sides.
--arena turns ONNX Runtime's memory arena on, which the package leaves off. Needs rapidocr, onnxruntime and opencv.
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time

import cv2


def peer(threads, arena):
    from rapidocr import RapidOCR
    engine = "EngineConfig.onnxruntime."
    return RapidOCR(params={engine + "intra_op_num_threads": threads, engine + "inter_op_num_threads": 1,
                            engine + "enable_cpu_mem_arena": arena, "Global.log_level": "error"})


class Ours:
    def __init__(self, program, models, threads):
        self.process = subprocess.Popen([program, "-i", "-m", models, "-t", str(threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def read(self, path):
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()
        wall, cpu, lines = self.process.stdout.readline().split()
        return float(wall), float(cpu), int(lines)


def read_peer(reader, image):
    wall, cpu = time.perf_counter(), time.process_time()
    result = reader(image)
    return time.perf_counter() - wall, time.process_time() - cpu, len(result.txts or ())


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("program"), ap.add_argument("models"), ap.add_argument("pages", nargs="+")
    ap.add_argument("--threads", type=int, default=2), ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--arena", action="store_true")
    a = ap.parse_args()
    reader, ours = peer(a.threads, a.arena), Ours(a.program, a.models, a.threads)
    sums = [0.0] * 4
    print(f"{'page':40s} {'lines':>9s} {'RapidOCR s':>11s} {'docparse s':>11s} {'ratio':>6s} {'CPU s':>7s} {'CPU s':>7s} {'ratio':>6s}")
    with tempfile.TemporaryDirectory() as folder:
        for page in a.pages:
            image, png = cv2.imread(page), os.path.join(folder, "page.png")
            cv2.imwrite(png, image)
            rounds = []
            for r in range(a.rounds + 1):
                one, two = ours.read(png), read_peer(reader, image)
                if r > 0:
                    rounds.append(two[:2] + one[:2])
            medians = [statistics.median(x[i] for x in rounds) for i in range(4)]
            sums = [s + m for s, m in zip(sums, medians)]
            theirs, cpu_theirs, mine, cpu_mine = medians
            print(f"{os.path.basename(page)[:40]:40s} {two[2]:4d} {one[2]:4d} {theirs:11.2f} {mine:11.2f} {theirs / mine:6.2f}"
                  f" {cpu_theirs:7.2f} {cpu_mine:7.2f} {cpu_theirs / cpu_mine:6.2f}", flush=True)
    print(f"sums: seconds {sums[0]:.2f} {sums[2]:.2f} ratio {sums[0] / sums[2]:.2f}; CPU seconds {sums[1]:.2f} {sums[3]:.2f} ratio {sums[1] / sums[3]:.2f}")


if __name__ == "__main__":
    main()
