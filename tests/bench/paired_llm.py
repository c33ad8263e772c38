#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docparse's Qwen2.5-VL engine against llama.cpp and PyTorch on the same random weights, all in turn, round after
round, so that what else the machine does hits all alike.

usage: paired_llm.py BENCH_QWEN WORK [--make MAKE_CHECKPOINT] [--rounds N] [--threads 1,2] [--text N] [--answer N]
                     [--picture PIXELS] [--only NAME,...] [--llama-bench PROGRAM]

WORK keeps the checkpoint (WORK/ckpt: the 3B model's widths, 8 of 36 layers, 16 of 32 blocks of the tower, a
vocabulary of 32,768 so that the head keeps its share; written by make_checkpoint.py of the shared golden tools when it
is missing) and the GGUF files made of it. Prints Markdown: tokens a second of prompt and answer, what a part of the
memory's bandwidth decoding reaches (weights a token reads x tokens a second, over plain reading in the moments before
and after, all threads), and seconds of the tower per 1,000 patches; medians over the rounds with the least and most,
and ratios pair by pair. --llama-bench uses that program of a llama.cpp build instead of llama-cpp-python. Runs in the
Python that has the peers (peers_llm.py says what it needs): where a package is missing its peer is left out, and said so.
"""
import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers_llm.py")
QUANTS = ("BF16", "Q8_0", "Q4_0", "Q4_K_M")
OURS = ("bf16", "int8", "int4")


class Worker:
    """A process that answers a line with an object."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(name + " did not start")

    def turn(self, threads, text, answer, side):
        self.process.stdin.write("%d %d %d %d %d\n" % (threads, text, answer, side, side))
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(self.name + " ended early")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class LlamaBench:
    def __init__(self, name, program, path):
        self.name, self.program, self.path = name, program, path

    def turn(self, threads, text, answer, side):
        out = subprocess.run([self.program, "-m", self.path, "-t", str(threads), "-p", str(text), "-n", str(answer),
                              "-r", "1", "-o", "json"], check=True, capture_output=True, text=True).stdout
        found = {}
        for test in json.loads(out):
            found["prefill_s" if test["n_prompt"] else "decode_s"] = test["avg_ns"] * 1e-9
        found["decode_s"] *= (answer - 1) / answer
        return found

    def close(self):
        pass


def processor(found, part):
    """Processor seconds of one part, or None."""
    if part + "_cpu_s" in found:
        return found[part + "_cpu_s"]
    return found.get({"prefill": "prompt_cpu_s", "decode": "answer_cpu_s"}.get(part))


def cell(values, form="%.1f"):
    if not values:
        return "-"
    return "%s (%s-%s)" % tuple(form % v for v in (statistics.median(values), min(values), max(values)))


def ratio(ours, theirs):
    """Theirs over ours, round by round."""
    pairs = [b / a for a, b in zip(ours, theirs) if a and b]
    return cell(pairs, "%.2f")


class Results:
    def __init__(self):
        self.seconds, self.cpu, self.share = {}, {}, {}

    def put(self, name, threads, part, found):
        self.seconds.setdefault((name, threads, part), []).append(found[part + "_s"])
        self.cpu.setdefault((name, threads, part), []).append(processor(found, part))
        if part == "decode" and "bandwidth_gb_per_s" in found:
            plain = sum(found["bandwidth_gb_per_s"]) / 2
            self.share.setdefault((name, threads), []).append(100 * found["weights_gb_per_s"] / plain)

    def fastest(self, names, threads, part):
        names = [n for n in names if (n, threads, part) in self.seconds]
        return min(names, key=lambda n: statistics.median(self.seconds[n, threads, part]), default=None)

    def against(self, name, other, threads, part, table=None):
        table = self.seconds if table is None else table
        if other is None:
            return "-"
        return ratio(table[name, threads, part], table[other, threads, part])


def text_table(results, threads, args, names):
    print("\n### %d thread%s: prompt of %d tokens, answer of %d\n" % (threads, "s" * (threads > 1), args.text, args.answer))
    print("| engine | prompt, tokens/s | answer, tokens/s | % of bandwidth | prompt, processor s | answer, processor s |")
    print("|---|---|---|---|---|---|")
    for name in names:
        if (name, threads, "prefill") not in results.seconds:
            continue
        prefill = [args.text / s for s in results.seconds[name, threads, "prefill"]]
        decode = [(args.answer - 1) / s for s in results.seconds[name, threads, "decode"]]
        cpu = [[c for c in results.cpu[name, threads, part] if c is not None] for part in ("prefill", "decode")]
        print("| %s | %s | %s | %s | %s | %s |" % (name, cell(prefill), cell(decode),
                                                  cell(results.share.get((name, threads), []), "%.0f"),
                                                  cell(cpu[0], "%.2f"), cell(cpu[1], "%.2f")))
    peers = [n for n in names if n.startswith("llama")]
    best = {part: results.fastest(peers, threads, part) for part in ("prefill", "decode")}
    for name in names:
        if name.startswith("docparse") and (name, threads, "prefill") in results.seconds and best["prefill"]:
            print("\n%s against llama.cpp's fastest: prompt %s x (%s; by processor time %s x), answer %s x (%s)" % (
                name, results.against(name, best["prefill"], threads, "prefill"), best["prefill"],
                results.against(name, best["prefill"], threads, "prefill", results.cpu),
                results.against(name, best["decode"], threads, "decode"), best["decode"]))


def tower_table(results, threads, patches, names):
    print("\n### Vision tower, %d thread%s, %d patches, 16 blocks (2 with full attention)\n" % (
        threads, "s" * (threads > 1), patches))
    print("| engine | s per 1,000 patches | processor s per 1,000 patches |")
    print("|---|---|---|")
    names = [n for n in names if (n, threads, "vision") in results.seconds]
    for name in names:
        each = [[1000 * v / patches for v in table[name, threads, "vision"] if v] for table in
                (results.seconds, results.cpu)]
        print("| %s | %s | %s |" % (name, cell(each[0], "%.2f"), cell(each[1], "%.2f")))
    best = results.fastest([n for n in names if n.startswith("PyTorch")], threads, "vision")
    for name in names:
        if name.startswith("docparse") and best:
            print("\n%s against PyTorch's fastest (%s): %s x (by processor time %s x)" % (
                name, best, results.against(name, best, threads, "vision"),
                results.against(name, best, threads, "vision", results.cpu)))


def start(args):
    """The contestants of text and of pictures."""
    python, ckpt = [sys.executable, "-B"], os.path.join(args.work, "ckpt")
    wanted = lambda name: not args.only or any(part in name for part in args.only.split(","))
    ours = [Worker("docparse " + p, [args.program, ckpt, "--serve", "--precision", p]) for p in OURS
            if wanted("docparse " + p)]
    text, tower = list(ours), list(ours)
    if args.llama_bench or importlib.util.find_spec("llama_cpp"):
        if not all(os.path.exists(os.path.join(args.work, q + ".gguf")) for q in QUANTS):
            subprocess.run(python + [PEERS, "gguf", ckpt, args.work], check=True, capture_output=True)
        for quant in QUANTS:
            name, path = "llama.cpp " + quant, os.path.join(args.work, quant + ".gguf")
            if wanted(name):
                text.append(LlamaBench(name, args.llama_bench, path) if args.llama_bench else
                            Worker(name, python + [PEERS, "llama", path]))
    else:
        print("llama.cpp is left out: this Python has no llama_cpp", file=sys.stderr)
    if importlib.util.find_spec("torch"):
        for dtype in ("bf16", "fp32"):
            if wanted("PyTorch " + dtype):
                worker = Worker("PyTorch " + dtype, python + [PEERS, "torch", ckpt, dtype])
                tower.append(worker)
                if dtype == "bf16":
                    text.append(worker)
    else:
        print("PyTorch is left out: this Python has no torch", file=sys.stderr)
    return text, tower


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("work")
    parser.add_argument("--make", default=os.path.join(HERE, "../../../shared/tools/golden/make_checkpoint.py"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--text", type=int, default=512)
    parser.add_argument("--answer", type=int, default=33)
    parser.add_argument("--picture", type=int, default=784)
    parser.add_argument("--only")
    parser.add_argument("--llama-bench")
    args = parser.parse_args()
    ckpt = os.path.join(args.work, "ckpt")
    if not os.path.exists(os.path.join(ckpt, "config.json")):
        subprocess.run([sys.executable, os.path.abspath(args.make), ckpt, "--shape", "3b", "--layers", "8",
                        "--vision-layers", "16", "--vocab", "32768"], check=True, stdout=sys.stderr,
                       cwd=os.path.dirname(os.path.abspath(args.make)))
    begin, results, threads = time.time(), Results(), [int(t) for t in args.threads.split(",")]
    text, tower = start(args)
    for worker in text:
        worker.turn(threads[-1], 32, 4, 0)  # warms up, not counted
    for round_ in range(args.rounds):
        for t in threads:
            for worker in text:
                found = worker.turn(t, args.text, args.answer, 0)
                results.put(worker.name, t, "prefill", found)
                results.put(worker.name, t, "decode", found)
        for worker in tower:
            if round_ == 0 or worker.name not in ("PyTorch fp32", "docparse int4"):  # slow, and as int8
                results.put(worker.name, threads[-1], "vision", worker.turn(threads[-1], 1, 1, args.picture))
        print("round %d of %d, %.0f s" % (round_ + 1, args.rounds, time.time() - begin), file=sys.stderr)
    for t in threads:
        text_table(results, t, args, [w.name for w in text])
    tower_table(results, threads[-1], (args.picture // 14) ** 2, [w.name for w in tower])
    print("\nload average %.1f at the end, %d rounds in %.0f s" % (os.getloadavg()[0], args.rounds, time.time() - begin))
    for worker in set(text + tower):
        worker.close()


if __name__ == "__main__":
    main()
