#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docparse's Qwen2.5-VL engine against llama.cpp and PyTorch on the same random weights, all in turn, round after
round, so that what else the machine does hits all alike.

usage: paired_llm.py BENCH_QWEN WORK [--make MAKE_CHECKPOINT] [--rounds N] [--threads 1,2] [--text N,...] [--answer N]
                     [--picture PIXELS] [--only NAME,...] [--llama-bench PROGRAM]

WORK keeps the checkpoint (WORK/ckpt: the 3B model's widths, 8 of 36 layers, 16 of 32 blocks of the tower, a
vocabulary of 32,768 so that the head keeps its share; written by make_checkpoint.py of the shared golden tools when it
is missing) and the GGUF files made of it. Prints Markdown: tokens a second of prompts and answer, what a part of the
memory's bandwidth decoding reaches, and seconds of the tower per 1,000 patches; medians over the rounds with the least
and most, and ratios pair by pair. Bandwidth is that of as many threads reading a buffer far larger than the caches, in
the moments just before and after each answer; decoding reads weights, keys and values of the cache. A round takes a
hundred seconds on two idle cores. Interrupted (Ctrl-C, SIGTERM), it prints what there is; all single measurements are in
WORK/paired_llm.json from the first on.

--llama-bench uses that program of a llama.cpp build instead of llama-cpp-python. Runs in the Python that has the
peers (peers_llm.py says what it needs): where a package is missing its peer is left out, and said so.
"""
import argparse
import importlib.util
import json
import os
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers_llm.py")
QUANTS = ("BF16", "Q8_0", "Q4_0", "Q4_K_M")
OURS = ("bf16", "int8", "int4")
READING = 0.1  # seconds of plain reading before and after an answer


class Worker:
    """A process that answers a line with an object; bytes: the weights a token reads, where it does not say so."""

    def __init__(self, name, command, weights=None):
        self.name, self.weights = name, weights
        # a session of its own, so that Ctrl-C reaches this script alone
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        start_new_session=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(name + " did not start")

    def ask(self, *line):
        self.process.stdin.write(" ".join(map(str, line)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(self.name + " ended early")
        return json.loads(answer)

    def close(self):
        self.process.kill()
        self.process.wait()


class LlamaBench:
    """The same lines, answered by a program of llama.cpp."""

    def __init__(self, name, program, path, weights):
        self.name, self.program, self.path, self.weights = name, program, path, weights

    def ask(self, kind, threads, count, _=None):
        what = ["-p", str(count), "-n", "0"] if kind == "prompt" else ["-p", "0", "-n", str(count - 1)]
        out = subprocess.run([self.program, "-m", self.path, "-t", str(threads), "-r", "1", "-o", "json"] + what,
                             check=True, capture_output=True, text=True).stdout
        seconds = json.loads(out)[0]["avg_ns"] * 1e-9
        return {"prefill_s": seconds} if kind == "prompt" else {"decode_s": seconds, "steps": count - 1}

    def close(self):
        pass


def cell(values, form="%.1f"):
    values = [v for v in values if v is not None]
    if not values:
        return "-"
    if len(values) == 1:
        return form % values[0]
    return "%s (%s-%s)" % tuple(form % v for v in (statistics.median(values), min(values), max(values)))


class Results:
    """Single measurements, in the order in which they were made; in a file from the first on."""

    def __init__(self, path):
        self.path, self.records, self.about = path, [], {}

    def put(self, **record):
        self.records.append(record)
        with open(self.path + ".part", "w", encoding="utf-8") as file:
            json.dump(dict(self.about, measurements=self.records), file, indent=1)
        os.replace(self.path + ".part", self.path)

    def of(self, key, **match):
        """{round: value} of the measurements that match and have the key."""
        return {r["round"]: r[key] for r in self.records
                if key in r and all(r.get(k) == v for k, v in match.items())}

    def fastest(self, names, key, **match):
        medians = {n: statistics.median(v.values()) for n in names if (v := self.of(key, engine=n, **match))}
        return min(medians, key=medians.get, default=None)

    def ratio(self, name, other, key, **match):
        """Theirs over ours, round by round."""
        ours, theirs = self.of(key, engine=name, **match), self.of(key, engine=other, **match)
        return cell([theirs[r] / ours[r] for r in ours if r in theirs and ours[r]], "%.2f")


def text_table(results, threads, args, names):
    names = [n for n in names if results.of("prefill_s", engine=n, threads=threads)]
    if not names:
        return
    print("\n### %d thread%s\n" % (threads, "s" * (threads > 1)))
    head = ["engine"] + ["prompt of %d, tokens/s" % n for n in args.text] + [
        "answer, tokens/s", "GB a token", "% of bandwidth", "the same by processor time"] + [
        "prompt of %d, processor s" % n for n in args.text] + ["answer, processor ms a token"]
    print("| %s |\n|%s" % (" | ".join(head), "---|" * len(head)))
    for name in names:
        own = {"engine": name, "threads": threads}
        row = [cell([n / s for s in results.of("prefill_s", tokens=n, **own).values()]) for n in args.text]
        row += [cell(list(results.of(key, **own).values())[:most], form) for key, most, form in (
            ("tokens_per_s", None, "%.1f"), ("gb", 1, "%.2f"), ("share", None, "%.0f"), ("cpu_share", None, "%.0f"))]
        row += [cell(results.of("prefill_cpu_s", tokens=n, **own).values(), "%.2f") for n in args.text]
        row += [cell(results.of("cpu_ms_per_token", **own).values())]
        print("| %s | %s |" % (name, " | ".join(row)))
    peers = [n for n in names if n.startswith("llama")]
    for name in names:
        if not name.startswith("docparse"):
            continue
        said = []
        for n in args.text:
            best = results.fastest(peers, "prefill_s", threads=threads, tokens=n)
            if best:
                said.append("prompt of %d %s x (%s; by processor time %s x)" % (
                    n, results.ratio(name, best, "prefill_s", threads=threads, tokens=n), best,
                    results.ratio(name, best, "prefill_cpu_s", threads=threads, tokens=n)))
        best = results.fastest(peers, "decode_s", threads=threads)
        if best:
            said.append("answer %s x (%s; by processor time %s x)" % (
                results.ratio(name, best, "decode_s", threads=threads), best,
                results.ratio(name, best, "decode_cpu_s", threads=threads)))
        if said:
            print("\n%s against llama.cpp's fastest: %s" % (name, ", ".join(said)))
    measured = [b for r in results.records if r["threads"] == threads for b in r.get("bandwidth_gb_per_s", [])]
    print("\nBandwidth: %s GB/s" % cell(measured))


def tower_table(results, threads, patches, names):
    names = [n for n in names if results.of("vision_s", engine=n, threads=threads)]
    if not names:
        return
    print("\n### Vision tower, %d thread%s, %d patches, 16 blocks (2 with full attention)\n" % (
        threads, "s" * (threads > 1), patches))
    print("| engine | s per 1,000 patches | processor s per 1,000 patches |\n|---|---|---|")
    for name in names:
        print("| %s | %s | %s |" % (name, *(cell([1000 * v / patches for v in
                                                  results.of(key, engine=name, threads=threads).values()], "%.2f")
                                            for key in ("vision_s", "vision_cpu_s"))))
    best = results.fastest([n for n in names if n.startswith("PyTorch")], "vision_s", threads=threads)
    for name in names:
        if name.startswith("docparse") and best:
            print("\n%s against PyTorch's fastest (%s): %s x (by processor time %s x)" % (
                name, best, results.ratio(name, best, "vision_s", threads=threads),
                results.ratio(name, best, "vision_cpu_s", threads=threads)))


def forget(path):
    """Takes the file out of memory: what is read from the disk lies in large pages, what was just written does not."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def start(args, contestants):
    """Fills the lists of contestants of text and of pictures, as far as it gets."""
    python, ckpt = [sys.executable, "-B"], os.path.join(args.work, "ckpt")
    wanted = lambda name: not args.only or any(part in name for part in args.only.split(","))
    text, tower = contestants["text"], contestants["tower"]
    contestants["reader"].append(Worker("reader", [args.program, "--serve"]))
    for precision in OURS:
        if wanted("docparse " + precision):
            text.append(Worker("docparse " + precision, [args.program, ckpt, "--serve", "--precision", precision]))
            if precision != "int4":  # its tower is that of int8
                tower.append(text[-1])
    if args.llama_bench or importlib.util.find_spec("llama_cpp"):
        if not all(os.path.exists(os.path.join(args.work, q + ".gguf")) for q in QUANTS):
            subprocess.run(python + [PEERS, "gguf", ckpt, args.work], check=True, stdout=subprocess.DEVNULL)
        for quant in QUANTS:
            forget(os.path.join(args.work, quant + ".gguf"))
        for quant in QUANTS:
            name, path = "llama.cpp " + quant, os.path.join(args.work, quant + ".gguf")
            weights = os.path.getsize(path) * 1e-9  # head and embedding are one matrix
            if wanted(name):
                text.append(LlamaBench(name, args.llama_bench, path, weights) if args.llama_bench else
                            Worker(name, python + [PEERS, "llama", path], weights))
    else:
        print("llama.cpp is left out: this Python has no llama_cpp", file=sys.stderr)
    if importlib.util.find_spec("torch"):
        for dtype in ("bf16", "fp32"):
            if wanted("PyTorch " + dtype) and (dtype == "bf16" or args.only):  # fp32 is the slower and takes 5 GB
                tower.append(Worker("PyTorch " + dtype, python + [PEERS, "torch", ckpt, dtype]))
                text.append(tower[-1])
    else:
        print("PyTorch is left out: this Python has no torch", file=sys.stderr)


def answer(worker, reader, threads, count, tokens, cache):
    """Decoding with plain reading on both sides of it; tokens: of the prompt; cache: GB of a position in 16 bits."""
    before = reader.ask("read", threads, READING)
    found = worker.ask("answer", threads, count)
    after = reader.ask("read", threads, READING)
    found["tokens_per_s"] = found["steps"] / found["decode_s"]
    if "weights_gb" not in found and worker.weights:
        found.update(weights_gb=worker.weights, cache_gb=cache * (tokens + count / 2))
    if "decode_cpu_s" in found:
        found["cpu_ms_per_token"] = 1000 * found["decode_cpu_s"] / found["steps"]
    found["bandwidth_gb_per_s"] = [before["gb_per_s"], after["gb_per_s"]]
    found["bandwidth_gb_per_cpu_s"] = [before["gb_per_cpu_s"], after["gb_per_cpu_s"]]
    if "weights_gb" in found:
        found["gb"] = found["weights_gb"] + found["cache_gb"]
        for share, key, rates in (("share", "decode_s", "bandwidth_gb_per_s"),
                                  ("cpu_share", "decode_cpu_s", "bandwidth_gb_per_cpu_s")):
            if key in found:
                found[share] = 100 * found["gb"] * found["steps"] / found[key] / statistics.mean(found[rates])
    return found


def measure(args, contestants, results, threads):
    with open(os.path.join(args.work, "ckpt", "config.json"), encoding="utf-8") as file:
        c = json.load(file)
    cache = c["num_hidden_layers"] * c["num_key_value_heads"] * (c["hidden_size"] / c["num_attention_heads"]) * 4e-9
    begin, reader = time.time(), contestants["reader"][0]
    for worker in contestants["text"]:  # warms up, not counted
        worker.ask("prompt", threads[-1], 32, 4)
        worker.ask("answer", threads[-1], 4)
    for round_ in range(args.rounds):
        for t in threads:
            for worker in contestants["text"]:
                own = {"round": round_, "engine": worker.name, "threads": t}
                for n in args.text[1:]:
                    results.put(**own, tokens=n, **worker.ask("prompt", t, n, 1))
                results.put(**own, tokens=args.text[0], **worker.ask("prompt", t, args.text[0], args.answer))
                results.put(**own, **answer(worker, reader, t, args.answer, args.text[0], cache))
            for worker in contestants["tower"]:
                results.put(round=round_, engine=worker.name, threads=t,
                            **worker.ask("tower", t, args.picture, args.picture))
        print("round %d of %d, %.0f s, load average %.1f" % (round_ + 1, args.rounds, time.time() - begin,
                                                            os.getloadavg()[0]), file=sys.stderr)


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("work")
    parser.add_argument("--make", default=os.path.join(HERE, "../../../shared/tools/golden/make_checkpoint.py"))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--text", default="512,128", help="prompts; an answer follows the first")
    parser.add_argument("--answer", type=int, default=33)
    parser.add_argument("--picture", type=int, default=448)
    parser.add_argument("--only")
    parser.add_argument("--llama-bench")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    args.text = [int(n) for n in args.text.split(",")]
    ckpt = os.path.join(args.work, "ckpt")
    if not os.path.exists(os.path.join(ckpt, "config.json")):
        subprocess.run([sys.executable, os.path.abspath(args.make), ckpt, "--shape", "3b", "--layers", "8",
                        "--vision-layers", "16", "--vocab", "32768"], check=True, stdout=sys.stderr,
                       cwd=os.path.dirname(os.path.abspath(args.make)))
    for name in os.listdir(ckpt):
        forget(os.path.join(ckpt, name))
    begin, threads = time.time(), [int(t) for t in args.threads.split(",")]
    results, contestants = Results(os.path.join(args.work, "paired_llm.json")), {"text": [], "tower": [], "reader": []}
    results.about = {"arguments": sys.argv[1:], "load_average_before": os.getloadavg()[0]}
    try:
        start(args, contestants)
        measure(args, contestants, results, threads)
    except KeyboardInterrupt:
        print("interrupted after %.0f s; what there is:" % (time.time() - begin), file=sys.stderr)
    for t in threads:
        text_table(results, t, args, [w.name for w in contestants["text"]])
    for t in threads:
        tower_table(results, t, (args.picture // 14) ** 2, [w.name for w in contestants["tower"]])
    print("\nLoad average %.1f before, %.1f at the end; %.0f s. Every measurement: %s" % (
        results.about["load_average_before"], os.getloadavg()[0], time.time() - begin, results.path))
    for worker in {w.name: w for part in contestants.values() for w in part}.values():
        worker.close()


if __name__ == "__main__":
    main()
