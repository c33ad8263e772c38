# SPDX-License-Identifier: Apache-2.0
"""Load on `docparse serve`: load.py [--seconds N] [--clients N] [--workers N] [--json FILE]

Many clients at a time send documents that are fine, broken and huge, as single calls, streams and jobs, cancel some and give others too
little time, while bulk documents take whatever interactive calls leave. Before the clock starts as many clients as there are workers
send every document once. Ends with 0 when
- the server neither fell over nor kept a document, and no client is left without an answer;
- every answer is a result or a reason, a client's own deadline or cancel only when and where it was due;
- what interactive calls take, at the 99th percentile, is what admission.h promises: the work of as many interactive calls as there are
  such clients, if only one worker is left for them, SVC_EXPRESS_MS on top. How long such calls work is heavy-tailed, a scan among forms, so that the
  99th percentile of a sum of many is more than the sum of means: 2.33 standard deviations are added. Mean and deviation are the server's
  own numbers of the same minutes, so that the bound is as hard on a fast machine as on a busy one;
- over a minute or more, resident memory, sampled every second, has in the last third a median and a peak within 5 % of those in the
  first third, what was used before the first fifth of the time left out. The blocks that networks run in, of which the server tells
  the size, are counted at their usual size: there is one for each worker, and now and then one more for a while, when admission.h's
  express reads a page as well. They stay below what so many large pages need.
The server starts anew, with DOCPARSE, DOCPARSE_MODELS and DP_SOURCE as the other tests have them.
"""
import argparse, collections, json, os, random, re, statistics, struct, sys, tempfile, threading, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import grpc

import e2e
from service import PARSER, chunks, doc, jobs, pb, rich, sample
from serving import Serving

BLOCK_MOST = 384         # MiB, of the network that needs the most: a page's detector at its bound of pixels
WARM_UP = 0.2           # part of the time in which memory may still grow
FLAT = 1.05             # median and peak of the last third over those of the first
FLAT_FROM = 60          # seconds: shorter runs are all warm-up
EXPRESS = 0.5           # SVC_EXPRESS_MS
QUEUE = 80              # bulk calls find it full now and then, but huge documents and those to be cancelled get in
EARLY = 0.2             # seconds by which the client's clock and the server's may disagree about a deadline


class Tally:
    def __init__(self):
        self.lock, self.outcomes, self.times, self.wrong, self.pages = threading.Lock(), collections.Counter(), collections.defaultdict(list), [], 0

    def add(self, kind, outcome, seconds, pages=0):
        with self.lock:
            self.outcomes[kind, outcome] += 1
            self.times[kind].append(seconds)
            self.pages += pages

    def error(self, kind, error, seconds, expected, limit):
        code, reason = error.code(), ""
        try:
            reason = rich(error)[1]["ErrorInfo"].reason
        except KeyError:
            pass
        self.add(kind, code.name + (" " + reason if reason else ""), seconds)
        refused = reason == "DEADLINE_TOO_SHORT"  # said at once, to anybody, when too much waits
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:  # by the client's own library, or by the server: never early
            fine = refused or (reason in ("", "DEADLINE") and seconds >= limit - EARLY)
        else:
            fine = code in expected and (reason or code == grpc.StatusCode.CANCELLED)
        if not fine:
            with self.lock:
                self.wrong.append("%s: %s %s after %.2f of %.2f s: %s" % (kind, code.name, reason, seconds, limit, error.details()))
        return 500 if refused else dict(error.trailing_metadata() or ()).get("grpc-retry-pushback-ms")


class Load:
    def __init__(self, port, seconds):
        self.port, self.seconds, self.until, self.tally, self.own, self.calls = port, seconds, 0.0, Tally(), threading.local(), {}
        self.small = [sample("form.pdf"), sample("invoice.pdf"), e2e.pdf([["one line %d" % i for i in range(20)]])]
        self.long = e2e.pdf([["page %d, line %d of a long document" % (n, i) for i in range(30)] for n in range(16)])
        whole, bomb = sample("report.pdf"), e2e.png_chunk(b"IHDR", struct.pack(">IIBBBBB", 100000, 100000, 8, 0, 0, 0, 0))[4:]
        self.broken = [b"no document", whole[:5000], whole[:len(whole) // 2], sample("scan.tif")[:3000], b"%PDF-1.7\n" + b"\xff" * 5000, sample("photo.jpg")[:20000],
                       whole.replace(b"stream", b"strexm", 3), e2e.png(10, 10).replace(e2e.png(10, 10)[12:33], bomb)]
        self.huge = [e2e.png(9000, 6000, 250), b"%PDF-1.4\n" + b"\0" * (30 << 20), e2e.png(30000, 2000, 250)]
        busy = {grpc.StatusCode.RESOURCE_EXHAUSTED}
        bad, cancelled = busy | {grpc.StatusCode.INVALID_ARGUMENT}, busy | {grpc.StatusCode.CANCELLED}
        # kind, what it does, errors that are right, clients, seconds of thought before the next call: people look at what they got
        self.kinds = [("interactive", self.interactive, busy, 24, 2.0), ("bulk", self.bulk, busy, 14, 0.01), ("broken", self.break_it, bad, 8, 8.0),
                      ("huge", self.send_huge, bad, 6, 0.01), ("cancel", self.cancel, cancelled, 4, 0.01), ("late", self.late, busy, 4, 0.2),
                      ("job", self.job, busy, 4, 0.01)]

    def limit(self, timeout):
        self.own.limit = timeout
        return timeout

    def under_way(self, call):
        """Remembers the client's call, so that it can be cut when the time is over."""
        with self.tally.lock:
            self.calls[threading.get_ident()] = call
        return call

    def cut(self):
        with self.tally.lock:
            calls = list(self.calls.values())
        for call in calls:
            call.cancel()

    def unary(self, channel, content, timeout, **options):
        call = channel.unary_unary(PARSER + "ParseDocument", request_serializer=pb.ParseRequest.SerializeToString, response_deserializer=pb.ParseResponse.FromString)
        reply = self.under_way(call.future(pb.ParseRequest(content=content, options=pb.ParseOptions(**options)), timeout=self.limit(timeout))).result()
        return doc.Status.Name(reply.document.status), len(reply.document.pages)

    def stream(self, channel, content, timeout, cancel_at=None, **options):
        call = channel.stream_stream(PARSER + "ParseStream", request_serializer=pb.ParseChunk.SerializeToString, response_deserializer=pb.ParseEvent.FromString)
        events, pages, status = call(chunks(content, size=1 << 18, options=pb.ParseOptions(**options)), timeout=self.limit(timeout)), 0, "no end"
        self.under_way(events)
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
        return self.stream(channel, self.long, 600, priority=pb.PRIORITY_BULK)

    def break_it(self, channel, noise):
        return self.unary(channel, noise.choice(self.broken), 120)

    def send_huge(self, channel, noise):
        return self.stream(channel, noise.choice(self.huge), 600, priority=pb.PRIORITY_BULK)

    def cancel(self, channel, noise):
        return self.stream(channel, self.long, 600, cancel_at=noise.randint(0, 3), priority=pb.PRIORITY_BULK)

    def late(self, channel, noise):
        return self.unary(channel, noise.choice(self.small), noise.choice((0.01, 0.1, 0.5)))

    def job(self, channel, noise):
        submit = channel.unary_unary("/docparse.v1.Jobs/SubmitJob", request_serializer=jobs.SubmitJobRequest.SerializeToString, response_deserializer=jobs.Job.FromString)
        watch = channel.unary_stream("/docparse.v1.Jobs/WatchJob", request_serializer=jobs.WatchJobRequest.SerializeToString, response_deserializer=jobs.Job.FromString)
        job = submit(jobs.SubmitJobRequest(request=pb.ParseRequest(content=noise.choice(self.small + self.broken[:2]))), timeout=self.limit(60))
        try:
            last = list(self.under_way(watch(jobs.WatchJobRequest(id=job.id), timeout=self.limit(300))))[-1]
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
            return "accepted", 0
        return jobs.JobState.Name(last.state) + (" " + last.problem.reason if last.problem.reason else ""), last.pages_done

    def connect(self):
        return grpc.insecure_channel("127.0.0.1:%d" % self.port, options=[("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1),
                                                                          ("grpc.max_receive_message_length", -1)])

    def client(self, kind, work, expected, pause, number):
        noise, channel = random.Random(number), self.connect()
        while time.time() < self.until:
            started, pushed = time.time(), None
            try:
                outcome, pages = work(channel, noise)
                self.tally.add(kind, outcome, time.time() - started, pages)
            except (grpc.RpcError, grpc.FutureCancelledError) as error:
                if time.time() > self.until and (isinstance(error, grpc.FutureCancelledError) or error.code() == grpc.StatusCode.CANCELLED):
                    self.tally.add(kind, "cut at the end", time.time() - started)
                else:
                    pushed = self.tally.error(kind, error, time.time() - started, expected, self.own.limit)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is no answer
                with self.tally.lock:
                    self.tally.wrong.append("%s: %r" % (kind, error))
            wait = float(pushed) / 1000 if pushed else pause * noise.uniform(0.5, 1.5)
            time.sleep(max(0.0, min(wait, self.until - time.time())))
        channel.close()

    def warm_up(self, clients):
        """Every document once by each of so many clients at a time, so that every worker has met every kind."""
        self.until = time.time() + 3600

        def send():
            channel = self.connect()
            for content, priority in [(c, pb.PRIORITY_INTERACTIVE) for c in self.small + self.broken] + [(c, pb.PRIORITY_BULK) for c in self.huge + [self.long]]:
                try:
                    self.stream(channel, content, 600, priority=priority)
                except grpc.RpcError as error:
                    self.tally.error("warm-up", error, 0, {grpc.StatusCode.INVALID_ARGUMENT}, 600)
            channel.close()

        threads = [threading.Thread(target=send) for _ in range(clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def start(self, clients):
        total = sum(k[3] for k in self.kinds)
        self.until = time.time() + self.seconds
        plan = [k for k in self.kinds for _ in range(max(1, round(k[3] * clients / total)))]
        random.Random(1).shuffle(plan)  # kinds of one class come in turn, whoever of them comes first
        threads = [threading.Thread(target=self.client, args=(k[0], k[1], k[2], k[4], i), daemon=True) for i, k in enumerate(plan)]
        for t in threads:
            t.start()
        return threads, sum(k[0] in ("interactive", "broken", "late", "job") for k in plan)


def resident(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def network_bytes(serving):
    return sum(int(serving.metric('docparse_network_bytes{state="%s"}' % state)) for state in ("used", "idle"))


def histogram(serving, name, label):
    """Bounds with numbers up to them, and the sum, of a histogram of /metrics."""
    text, buckets = serving.get("metrics", "/metrics")[1].decode(), []
    for bound, n in re.findall(r'^%s_bucket\{%s,le="([^"]+)"\} (\d+)$' % (name, re.escape(label)), text, re.M):
        buckets.append((float(bound.replace("+Inf", "inf")), int(n)))
    return buckets, serving.metric("%s_sum{%s}" % (name, label))


def minus(after, before):
    return [(bound, n - m) for (bound, n), (_, m) in zip(after[0], before[0])], after[1] - before[1]


def deviation(buckets, mean):
    """Standard deviation, each value taken as the middle of its bucket."""
    low, below, squares = 0.0, 0, 0.0
    for bound, n in buckets:
        if bound < float("inf"):
            squares += (n - below) * ((low + bound) / 2 - mean) ** 2
            low, below = bound, n
    return (squares / max(1, below)) ** 0.5


def quantile(buckets, q):
    """As Prometheus has it: linear inside the bucket."""
    total, low, below = buckets[-1][1], 0.0, 0
    for bound, n in buckets:
        if n >= q * total > 0:
            return bound if bound == float("inf") else low + (bound - low) * (q * total - below) / max(1, n - below)
        low, below = bound, n
    return 0.0


class Keeper(unittest.TestCase):
    def runTest(self):
        pass


def sample_until(serving, load, step):
    """Resident memory, that of networks' blocks, and open files, once a step while the clients are at work, and with what
    the server ended, if it did. The blocks are asked for on both sides of the other: one may come or go between."""
    memory, blocks, files = [], [], []
    while time.time() < load.until + 0.5:
        time.sleep(step)
        if serving.process.poll() is not None:
            return memory, blocks, files, serving.process.returncode
        before = network_bytes(serving)
        memory.append(resident(serving.process.pid))
        blocks.append(max(before, network_bytes(serving)))
        files.append(int(serving.metric("process_open_fds")))
    return memory, blocks, files, None


def flatness(memory):
    """(median, peak) of the first and the last third behind the warm-up, in MiB."""
    behind = [m / 2**20 for m in memory[int(len(memory) * WARM_UP):]] or [0.0]
    third = max(1, len(behind) // 3)
    return [(statistics.median(part), max(part)) for part in (behind[:third], behind[-third:])]


def measure(args, state):
    keeper = Keeper()
    serving = Serving(keeper, "--metrics", "127.0.0.1:0", "--state-dir", state, "--workers", str(args.workers), "--queue", str(QUEUE), "--log-level", "error", stderr=state + ".log")
    load, names = Load(serving.port, args.seconds), [(n, c) for n in ("docparse_queue_seconds", "docparse_work_seconds") for c in ("interactive", "bulk")]
    if not e2e.QUICK:
        load.warm_up(args.workers)
    warm, before = resident(serving.process.pid), {n: histogram(serving, n[0], 'class="%s"' % n[1]) for n in names}
    load.tally.outcomes.clear()
    threads, fast = load.start(args.clients)
    memory, blocks, files, died = sample_until(serving, load, min(1.0, args.seconds / 10))
    give_up = time.time() + 60
    while any(t.is_alive() for t in threads) and time.time() < give_up:
        load.cut()  # again and again: a thread may have been about to call
        time.sleep(0.2)
    hanging = sum(t.is_alive() for t in threads)
    now = {n: minus(histogram(serving, n[0], 'class="%s"' % n[1]), before[n]) for n in names} if died is None else {}
    waits = {c: quantile(now["docparse_queue_seconds", c][0], 0.99) for c in ("interactive", "bulk")} if now else {}
    work = {c: now["docparse_work_seconds", c][1] / max(1, now["docparse_work_seconds", c][0][-1][1]) for c in ("interactive", "bulk")} if now else {}
    spread = deviation(now["docparse_work_seconds", "interactive"][0], work["interactive"]) if now else 0.0
    until = time.time() + 60  # what was cut is let go of at the end of its page
    while died is None and serving.metric("docparse_bytes_held") and time.time() < until:
        time.sleep(0.5)
    held = serving.metric("docparse_bytes_held") if died is None else None
    ended = serving.stop(120)[0] if died is None else died
    usual = statistics.median(blocks or [0])
    (first, first_peak), (last, last_peak) = flatness([m - n + usual for m, n in zip(memory, blocks)])
    times = sorted(load.tally.times["interactive"]) or [0.0]
    result = {"seconds": args.seconds, "clients": len(threads), "interactive_clients": fast, "workers": args.workers, "exit_code": ended, "hanging_clients": hanging,
              "bytes_held_at_the_end": held, "outcomes": {"%s: %s" % k: n for k, n in sorted(load.tally.outcomes.items())}, "calls": sum(load.tally.outcomes.values()),
              "pages": load.tally.pages, "without_a_reason": load.tally.wrong[:20], "n_without_a_reason": len(load.tally.wrong), "queue_p99_seconds": waits,
              "mean_work_seconds": work, "work_deviation_seconds": spread,
              "interactive_p99_bound": EXPRESS + fast * work.get("interactive", 0.0) + 2.33 * fast ** 0.5 * spread,
              "interactive_seconds": {"p50": times[len(times) // 2], "p99": times[int(len(times) * 0.99)], "max": times[-1]},
              "resident_mib": {"before_the_load": warm / 2**20, "first_third": first, "last_third": last, "growth": last / max(first, 1) - 1, "first_third_peak": first_peak,
                               "last_third_peak": last_peak, "peak_growth": last_peak / max(first_peak, 1) - 1, "peak": max(memory or [0]) / 2**20, "blocks_peak": max(blocks or [0]) / 2**20},
              "resident_samples_mib": [round(m / 2**20, 1) for m in memory], "blocks_samples_mib": [round(m / 2**20, 1) for m in blocks], "open_files_max": max(files or [0])}
    result["wrong"] = judge(result, args)
    return result


def judge(r, args):
    wrong, m = [], r["resident_mib"]
    if r["exit_code"] != 0:
        wrong.append("the server ended with %s" % r["exit_code"])
    if r["hanging_clients"]:
        wrong.append("%d clients never got an answer" % r["hanging_clients"])
    if r["n_without_a_reason"]:
        wrong.append("%d answers without a reason, or the wrong one" % r["n_without_a_reason"])
    if r["bytes_held_at_the_end"]:
        wrong.append("%d bytes of documents are still held" % r["bytes_held_at_the_end"])
    if not e2e.QUICK and r["interactive_seconds"]["p99"] > r["interactive_p99_bound"]:
        wrong.append("interactive p99 above %.1f s" % r["interactive_p99_bound"])
    if args.seconds >= FLAT_FROM and m["last_third"] > FLAT * m["first_third"]:
        wrong.append("memory grew by %.1f %%" % (100 * m["growth"]))
    if args.seconds >= FLAT_FROM and m["last_third_peak"] > FLAT * m["first_third_peak"]:
        wrong.append("the peak of memory grew by %.1f %%" % (100 * m["peak_growth"]))
    if m["blocks_peak"] > BLOCK_MOST * (args.workers + 1):
        wrong.append("networks ran in %.0f MiB" % m["blocks_peak"])
    for kind in ("interactive", "bulk", "broken", "huge", "cancel", "late", "job"):
        if args.seconds >= 2 * FLAT_FROM and not any(k.startswith(kind + ": ") and "QUEUE_FULL" not in k and "cut" not in k for k in r["outcomes"]):
            wrong.append("no call of the kind '%s' got in" % kind)
    if not any(k.endswith((": STATUS_OK", ": JOB_STATE_SUCCEEDED")) for k in r["outcomes"]):
        wrong.append("nothing was served")
    return wrong


def report(r):
    m, i = r["resident_mib"], r["interactive_seconds"]
    print("load: %d clients, %d workers, %g s: %d calls, %d pages" % (r["clients"], r["workers"], r["seconds"], r["calls"], r["pages"]))
    for name, n in r["outcomes"].items():
        print("  %6d  %s" % (n, name))
    print("interactive calls: p50 %.2f s, p99 %.2f s of at most %.1f s, longest %.2f s; in the queue, p99 about %.1f s (bulk %.1f s); work %.2f s, deviation %.2f s" %
          (i["p50"], i["p99"], r["interactive_p99_bound"], i["max"], r["queue_p99_seconds"].get("interactive", 0), r["queue_p99_seconds"].get("bulk", 0),
           r["mean_work_seconds"].get("interactive", 0), r["work_deviation_seconds"]))
    print("resident memory: %.0f MiB before the load, at most %.0f MiB, up to %.0f MiB of it for networks; with these at their usual size medians %.0f MiB, %.0f MiB at the end (%+.1f %%), "
          "peaks %.0f MiB, %.0f MiB at the end (%+.1f %%); open files at most %d" % (m["before_the_load"], m["peak"], m["blocks_peak"], m["first_third"], m["last_third"], 100 * m["growth"], m["first_third_peak"], m["last_third_peak"], 100 * m["peak_growth"], r["open_files_max"]))
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
