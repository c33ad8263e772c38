#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the service costs beyond the command line, processor time a page, both in turn on the same documents.

usage: service_overhead.py [--rounds N] [--repeat N] FILE...   (DOCPARSE, DOCPARSE_MODELS and DP_SOURCE as for the e2e tests)

A service with one worker and one `convert` with one job stand side by side, warm, and take turns: N documents each, while
the other is idle or stopped. So both meet the same state of the machine, and starting and loading the networks is outside.
(Whole runs one after the other differ by 10 % of a photo's page and more when others get busy in between.) Counted is the
time of both with their decoders, not of the client. Both make JSON, the service the typed document as well. Prints a row a
file: medians over the rounds, the median of the paired differences, half the distance of its quartiles over the square root
of the rounds, and its share of the command line's time.
"""
import argparse, os, signal, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from e2e import PROGRAM, Case  # noqa: E402
from processes import TICKS, children, name_of, stat  # noqa: E402
from service import Server, pb  # noqa: E402


def tree_seconds(pid):
    """Processor seconds of a process (to the nanosecond), of its children and of those that they have waited for (to a tick)."""
    own, below = stat(pid), [stat(c) for c in children(pid)]
    return time.clock_gettime((~pid << 3) | 2) + sum(int(t) for f in [own[13:15]] + [b[11:15] for b in below if b] for t in f) / TICKS


def settled_seconds(pid):
    """The same once its decoders have been waited for: the fork server does so within milliseconds."""
    for _ in range(200):
        if not any(name_of(c).startswith("docparse-decode") for fork in children(pid) for c in children(fork)):
            break
        time.sleep(0.005)
    return tree_seconds(pid)


def copies(folder, path, n):
    names = [os.path.join(folder, "%d-%s" % (i, os.path.basename(path))) for i in range(n)]
    for name in names:
        os.link(path, name) if os.stat(path).st_dev == os.stat(folder).st_dev else subprocess.run(["cp", path, name], check=True)
    return names


class Runner(Case):
    def runTest(self):
        pass


class Service:
    def __init__(self, server, path):
        with open(path, "rb") as f:
            content = f.read()
        options = pb.ParseOptions(output=pb.OutputOptions(formats=["json"]))
        self.pid = server.process.pid
        self.call = lambda: server.parse(content, options=options, fields=dict(name=os.path.basename(path)), timeout=3600)
        self.pages = len(self.call().document.pages)

    def turn(self, n):
        before = settled_seconds(self.pid)
        for _ in range(n):
            self.call()
        return (settled_seconds(self.pid) - before) / n / self.pages


class CommandLine:
    """`convert` over many copies of a document, stopped after each turn. It tells each document that is done."""

    def __init__(self, folder, path, n, pages):
        self.pages = pages
        self.process = subprocess.Popen([PROGRAM, "convert", *copies(folder, path, n + 2), "-o", os.path.join(folder, "out"), "-f", "json", "-j", "1"],
                                        stderr=subprocess.PIPE, bufsize=0)
        self.read(1)
        self.process.send_signal(signal.SIGSTOP)
        self.before = tree_seconds(self.process.pid)

    def read(self, n):
        for _ in range(n):
            line = self.process.stderr.readline()
            while b" page" not in line and line:
                line = self.process.stderr.readline()
            if not line:
                sys.exit("convert ended early")

    def turn(self, n):
        """What it has begun of the next document counts for this turn, and is missing in the next one."""
        self.process.send_signal(signal.SIGCONT)
        self.read(n)
        self.process.send_signal(signal.SIGSTOP)
        before, self.before = self.before, tree_seconds(self.process.pid)
        return (self.before - before) / n / self.pages

    def end(self):
        self.process.kill()
        self.process.communicate()


def measure(server, path, repeat, rounds):
    service, ours, theirs = Service(server, path), [], []
    with tempfile.TemporaryDirectory() as folder:
        line = CommandLine(folder, path, rounds * repeat, service.pages)
        try:
            for _ in range(rounds):
                ours.append(service.turn(repeat))
                theirs.append(line.turn(repeat))
        finally:
            line.end()
    gaps = [a - b for a, b in zip(ours, theirs)]
    gap, all_of_it = statistics.median(gaps), statistics.median(theirs)
    quartiles = statistics.quantiles(gaps, n=4) if rounds > 1 else [0.0, gap, 0.0]
    print("%-20s %3d pages  service %9.1f ms  command line %9.1f ms  difference %7.1f +- %.1f ms a page (%.1f %%)" % (
        os.path.basename(path), service.pages, statistics.median(ours) * 1e3, all_of_it * 1e3, gap * 1e3,
        (quartiles[2] - quartiles[0]) / 2 / rounds ** 0.5 * 1e3, 100 * gap / all_of_it), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    server = Server(Runner(), "--workers", "1")
    try:
        for path in args.files:
            measure(server, path, args.repeat, args.rounds)
    finally:
        server.kill()


if __name__ == "__main__":
    main()
