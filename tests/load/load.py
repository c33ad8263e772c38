# SPDX-License-Identifier: Apache-2.0
"""Load on `docparse serve`: load.py [--seconds N] [--clients N] [--workers N] [--json FILE]

Many clients at a time send documents that are fine, broken and huge, as single calls, streams and jobs, cancel some and give others too
little time, while bulk documents fill the queue. Ends with 0 when the server neither fell over nor answered anything without a reason,
interactive calls were served in bounded time, and, over a minute or more, its memory stayed flat within 5 % after warming up.
The server starts anew, with DOCPARSE, DOCPARSE_MODELS and DP_SOURCE as the other tests have them.
"""
import argparse, collections, json, os, random, re, statistics, struct, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import grpc

import e2e
from service import PARSER, chunks, doc, jobs, pb, rich, sample
from serving import Serving

WARM_UP = 0.4           # part of the time in which memory may still grow
FLAT = 1.05             # of the median of the first third behind it, at most, in the last third
INTERACTIVE_P99 = 60.0  # seconds in the queue: the page of a huge document that both workers may be at, then the calls in front
FLAT_FROM = 60          # seconds: shorter runs are all warm-up


class Tally:
    def __init__(self):
        self.lock, self.outcomes, self.times, self.wrong, self.pages = threading.Lock(), collections.Counter(), collections.defaultdict(list), [], 0

    def add(self, kind, outcome, seconds, pages=0):
        with self.lock:
            self.outcomes[kind, outcome] += 1
            self.times[kind].append(seconds)
            self.pages += pages

    def error(self, kind, error, seconds, expected):
        code = error.code()
        try:
            reason = rich(error)[1]["ErrorInfo"].reason
        except KeyError:
            reason = ""
        self.add(kind, code.name + (" " + reason if reason else ""), seconds)
        ours = code in (grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)  # said by the client's own library
        refused = reason == "DEADLINE_TOO_SHORT"  # said at once, to anybody, when too much waits
        expected = expected | {grpc.StatusCode.DEADLINE_EXCEEDED}  # every call has a deadline of its own
        if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) or not (reason or ours) or not (refused or code in expected):
            with self.lock:
                self.wrong.append("%s: %s %s: %s" % (kind, code.name, reason, error.details()))
        return 500 if refused else dict(error.trailing_metadata() or ()).get("grpc-retry-pushback-ms")


class Load:
    def __init__(self, port, seconds):
        self.port, self.seconds, self.until, self.tally = port, seconds, 0.0, Tally()
        self.small = [sample("form.pdf"), sample("invoice.pdf"), e2e.pdf([["one line %d" % i for i in range(20)]])]
        self.long = e2e.pdf([["page %d, line %d of a long document" % (n, i) for i in range(30)] for n in range(120)])
        whole, bomb = sample("report.pdf"), e2e.png_chunk(b"IHDR", struct.pack(">IIBBBBB", 100000, 100000, 8, 0, 0, 0, 0))[4:]
        self.broken = [b"no document", whole[:5000], whole[:len(whole) // 2], sample("scan.tif")[:3000], b"%PDF-1.7\n" + b"\xff" * 5000, sample("photo.jpg")[:20000],
                       whole.replace(b"stream", b"strexm", 3), e2e.png(10, 10).replace(e2e.png(10, 10)[12:33], bomb)]
        self.huge = [e2e.png(9000, 6000, 250), b"%PDF-1.4\n" + b"\0" * (30 << 20), e2e.png(30000, 2000, 250)]
        busy = {grpc.StatusCode.RESOURCE_EXHAUSTED}
        fine, bad = busy | {grpc.StatusCode.UNAVAILABLE}, busy | {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.DEADLINE_EXCEEDED}
        self.kinds = [("interactive", self.interactive, busy, 24), ("bulk", self.bulk, busy, 16), ("broken", self.break_it, bad, 8), ("huge", self.send_huge, bad, 4),
                      ("cancel", self.cancel, busy | {grpc.StatusCode.CANCELLED}, 4), ("late", self.late, busy | {grpc.StatusCode.DEADLINE_EXCEEDED}, 4), ("job", self.job, fine, 4)]

    def limit(self, timeout):
        """Seconds for a call: what is still under way when the time is over is cut soon after."""
        return max(1.0, min(timeout, self.until - time.time() + 10)) if timeout > 1 else timeout

    def unary(self, channel, content, timeout, **options):
        call = channel.unary_unary(PARSER + "ParseDocument", request_serializer=pb.ParseRequest.SerializeToString, response_deserializer=pb.ParseResponse.FromString)
        reply = call(pb.ParseRequest(content=content, options=pb.ParseOptions(**options)), timeout=self.limit(timeout))
        return doc.Status.Name(reply.document.status), len(reply.document.pages)

    def stream(self, channel, content, timeout, cancel_at=None, **options):
        call = channel.stream_stream(PARSER + "ParseStream", request_serializer=pb.ParseChunk.SerializeToString, response_deserializer=pb.ParseEvent.FromString)
        events, pages, status = call(chunks(content, size=1 << 18, options=pb.ParseOptions(**options)), timeout=self.limit(timeout)), 0, "no end"
        for event in events:
            pages += event.HasField("page")
            if event.HasField("finished"):
                status = doc.Status.Name(event.finished.status)
            if cancel_at is not None and pages >= cancel_at:
                events.cancel()
        return status, pages

    def interactive(self, channel, noise):
        return self.unary(channel, noise.choice(self.small), 120)

    def bulk(self, channel, noise):
        return self.stream(channel, self.long, 300, priority=pb.PRIORITY_BULK)

    def break_it(self, channel, noise):
        return self.unary(channel, noise.choice(self.broken), 120)

    def send_huge(self, channel, noise):
        return self.stream(channel, noise.choice(self.huge), 120, priority=pb.PRIORITY_BULK)

    def cancel(self, channel, noise):
        return self.stream(channel, self.long, 120, cancel_at=noise.randint(0, 3), priority=pb.PRIORITY_BULK)

    def late(self, channel, noise):
        return self.unary(channel, noise.choice(self.small), noise.choice((0.01, 0.1, 0.5)))

    def job(self, channel, noise):
        submit = channel.unary_unary("/docparse.v1.Jobs/SubmitJob", request_serializer=jobs.SubmitJobRequest.SerializeToString, response_deserializer=jobs.Job.FromString)
        watch = channel.unary_stream("/docparse.v1.Jobs/WatchJob", request_serializer=jobs.WatchJobRequest.SerializeToString, response_deserializer=jobs.Job.FromString)
        job = submit(jobs.SubmitJobRequest(request=pb.ParseRequest(content=noise.choice(self.small + self.broken[:2]))), timeout=60)
        try:
            last = list(watch(jobs.WatchJobRequest(id=job.id), timeout=max(5, self.until - time.time())))[-1]
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
            return "accepted", 0
        return jobs.JobState.Name(last.state) + (" " + last.problem.reason if last.problem.reason else ""), last.pages_done

    def client(self, kind, work, expected, number):
        noise = random.Random(number)
        channel = grpc.insecure_channel("127.0.0.1:%d" % self.port, options=[("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1),
                                                                             ("grpc.max_receive_message_length", -1)])
        while time.time() < self.until:
            started, pause = time.time(), None
            try:
                outcome, pages = work(channel, noise)
                self.tally.add(kind, outcome, time.time() - started, pages)
            except grpc.RpcError as error:
                if time.time() > self.until and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                    self.tally.add(kind, "cut at the end", time.time() - started)
                else:
                    pause = self.tally.error(kind, error, time.time() - started, expected)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is no answer
                self.tally.wrong.append("%s: %r" % (kind, error))
            time.sleep(min(float(pause) / 1000 if pause else 0.01, max(0.0, self.until - time.time())))
        channel.close()

    def start(self, clients):
        total = sum(k[3] for k in self.kinds)
        self.until = time.time() + self.seconds
        plan = [k for k in self.kinds for _ in range(max(1, round(k[3] * clients / total)))]
        threads = [threading.Thread(target=self.client, args=(k[0], k[1], k[2], i), daemon=True) for i, k in enumerate(plan)]
        for t in threads:
            t.start()
        return threads


def resident(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def quantile(serving, name, label, q):
    """Upper bound of the bucket in which a share q of a histogram of /metrics lies."""
    text, buckets = serving.get("metrics", "/metrics")[1].decode(), []
    for bound, n in re.findall(r'^%s_bucket\{%s,le="([^"]+)"\} (\d+)$' % (name, re.escape(label)), text, re.M):
        buckets.append((float(bound.replace("+Inf", "inf")), int(n)))
    return next((b for b, n in buckets if n >= q * buckets[-1][1]), 0.0) if buckets and buckets[-1][1] else 0.0


class Keeper(unittest.TestCase):
    def runTest(self):
        pass


def measure(args, state):
    keeper = Keeper()
    serving = Serving(keeper, "--metrics", "127.0.0.1:0", "--state-dir", state, "--workers", str(args.workers), "--queue", "64", "--log-level", "error", stderr=state + ".log")
    load, memory, files = Load(serving.port, args.seconds), [], []
    threads, died = load.start(args.clients), None
    while time.time() < load.until + 0.5:
        time.sleep(min(1.0, args.seconds / 10))
        died = serving.process.poll()
        if died is not None:
            break
        memory.append(resident(serving.process.pid))
        files.append(int(serving.metric("process_open_fds")))
    for t in threads:
        t.join(320)
    hanging = sum(t.is_alive() for t in threads)
    waits = {c: quantile(serving, "docparse_queue_seconds", 'class="%s"' % c, 0.99) for c in ("interactive", "bulk")} if died is None else {}
    until = time.time() + 60  # what was cut is let go of at the end of its page
    while died is None and serving.metric("docparse_bytes_held") and time.time() < until:
        time.sleep(0.5)
    held = serving.metric("docparse_bytes_held") if died is None else None
    ended = serving.stop(120)[0] if died is None else died
    memory = memory or [0]
    behind = memory[int(len(memory) * WARM_UP):]
    third = max(1, len(behind) // 3)
    first, last = statistics.median(behind[:third]), statistics.median(behind[-third:])
    times = sorted(load.tally.times["interactive"]) or [0.0]
    result = {"seconds": args.seconds, "clients": len(threads), "workers": args.workers, "exit_code": ended, "hanging_clients": hanging, "bytes_held_at_the_end": held,
              "outcomes": {"%s: %s" % k: n for k, n in sorted(load.tally.outcomes.items())}, "calls": sum(load.tally.outcomes.values()), "pages": load.tally.pages,
              "without_a_reason": load.tally.wrong[:20], "n_without_a_reason": len(load.tally.wrong), "queue_p99_seconds": waits,
              "interactive_seconds": {"p50": times[len(times) // 2], "p99": times[int(len(times) * 0.99)], "max": times[-1]},
              "resident_mib": {"after_warm_up": first / 2**20, "end": last / 2**20, "peak": max(memory) / 2**20, "growth": last / max(first, 1) - 1}, "open_files_max": max(files)}
    wrong = []
    if ended != 0:
        wrong.append("the server ended with %s" % ended)
    if hanging:
        wrong.append("%d clients never got an answer" % hanging)
    if load.tally.wrong:
        wrong.append("%d answers without a reason, or the wrong one" % len(load.tally.wrong))
    if held:
        wrong.append("%d bytes of documents are still held" % held)
    if not e2e.QUICK and waits.get("interactive", 0) > INTERACTIVE_P99:
        wrong.append("interactive p99 in the queue above %g s" % INTERACTIVE_P99)
    if args.seconds >= FLAT_FROM and last > FLAT * first:
        wrong.append("memory grew by %.1f %%" % (100 * (last / first - 1)))
    if not any(k[1] in ("STATUS_OK", "JOB_STATE_SUCCEEDED") for k in load.tally.outcomes):
        wrong.append("nothing was served")
    result["wrong"] = wrong
    return result


def report(r):
    m, i = r["resident_mib"], r["interactive_seconds"]
    print("load: %d clients, %d workers, %g s: %d calls, %d pages" % (r["clients"], r["workers"], r["seconds"], r["calls"], r["pages"]))
    for name, n in r["outcomes"].items():
        print("  %6d  %s" % (n, name))
    print("interactive calls: p50 %.2f s, p99 %.2f s, longest %.2f s; in the queue, p99 below %s s (bulk %s s)" %
          (i["p50"], i["p99"], i["max"], r["queue_p99_seconds"].get("interactive"), r["queue_p99_seconds"].get("bulk")))
    print("resident memory: %.0f MiB after warming up, %.0f MiB at the end (%+.1f %%), peak %.0f MiB; open files at most %d" %
          (m["after_warm_up"], m["end"], 100 * m["growth"], m["peak"], r["open_files_max"]))
    for line in r["without_a_reason"]:
        print("  no reason: %s" % line)
    print("fine" if not r["wrong"] else "WRONG: " + "; ".join(r["wrong"]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json")
    options = parser.parse_args()
    if not os.path.exists(os.path.join(e2e.MODELS, "PP-OCRv6_det_small.onnx")):
        print("SKIP: no models in %s (deploy/models.sh fetches them)" % e2e.MODELS)
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="docparse-load-") as folder:
        found = measure(options, os.path.join(folder, "state"))
    report(found)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump(found, f, indent=1)
    os._exit(1 if found["wrong"] else 0)  # threads that hang must not keep it
