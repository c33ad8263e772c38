#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the service costs beyond the command line, processor time a page, both in turn on the same documents.

usage: service_overhead.py [--rounds N] [--repeat N] FILE...   (DOCPARSE, DOCPARSE_MODELS and DP_SOURCE as for the e2e tests)

Command line: the difference between a run over 2 N copies and one over N, so that starting and loading the networks is
outside. Service: N calls of ParseDocument one after the other on one worker; the time of the server with its decoders,
not of the client. Both make the typed document and JSON. Prints a row a file: medians over the rounds, the median of the
paired differences, and its share of the command line's time. Decoders run in processes of their own on both sides.
"""
import argparse, os, resource, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from e2e import PROGRAM, Case  # noqa: E402
from processes import TICKS, children, stat  # noqa: E402
from service import Server, pb  # noqa: E402


def tree_seconds(pid):
    """Processor seconds of a process, of its children and of those that they have waited for."""
    own, below = stat(pid), [stat(c) for c in children(pid)]
    fields = [sum(int(f[i]) for i in (11, 12, 13, 14)) for f in [own] + [b for b in below if b]]
    return sum(fields) / TICKS


def convert_seconds(inputs):
    with tempfile.TemporaryDirectory() as out:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([PROGRAM, "convert", *inputs, "-o", out, "-f", "json", "-j", "1", "-q"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def copies(folder, path, n):
    names = [os.path.join(folder, "%d-%s" % (i, os.path.basename(path))) for i in range(n)]
    for name in names:
        if not os.path.exists(name):
            os.link(path, name) if os.stat(path).st_dev == os.stat(folder).st_dev else subprocess.run(["cp", path, name], check=True)
    return names


class Runner(Case):
    def runTest(self):
        pass


def measure(server, path, repeat, rounds):
    with open(path, "rb") as f:
        content = f.read()
    options = pb.ParseOptions(output=pb.OutputOptions(formats=["json"]))
    call = lambda: server.parse(content, options=options, fields=dict(name=os.path.basename(path)), timeout=3600)
    pages = len(call().document.pages)  # warms the worker up
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            before = tree_seconds(server.process.pid)
            for _ in range(repeat):
                call()
            time.sleep(0.2)  # the last decoder is being waited for
            ours.append((tree_seconds(server.process.pid) - before) / repeat / pages)
            one, two = convert_seconds(copies(folder, path, repeat)), convert_seconds(copies(folder, path, 2 * repeat))
            theirs.append((two - one) / repeat / pages)
    gap = statistics.median(a - b for a, b in zip(ours, theirs))
    print("%-20s %3d pages  service %9.1f ms  command line %9.1f ms  difference %7.1f ms a page (%.1f %%)" % (
        os.path.basename(path), pages, statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3, gap * 1e3, 100 * gap / statistics.median(theirs)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=5)
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
