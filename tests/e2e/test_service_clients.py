# SPDX-License-Identifier: Apache-2.0
"""Clients of `docparse serve` that are broken, slow, hostile or gone: each gets an answer with a reason, and nobody else notices."""
import random, socket, subprocess, sys, threading, time

import grpc

import e2e
from e2e import PATIENCE, main, pdf
from service import PARSER, STUBS, Server, ServiceCase, chunks, doc, health, jobs, pb, rich, sample

METHODS = [PARSER + m for m in ("ParseDocument", "Ask", "Extract", "Locate", "GetServerInfo", "GetCapacity")] + \
          ["/docparse.v1.Jobs/" + m for m in ("SubmitJob", "GetJob", "ListJobs", "CancelJob")] + ["/grpc.health.v1.Health/Check"]
STREAMS = [PARSER + "ParseStream", "/docparse.v1.Jobs/WatchJob", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"]


def large_pdf(pages):
    """Many short words: the answer is far larger than the document, 50 kB a page."""
    return pdf([["%d %d %s" % (n, i, "it " * 29) for i in range(36)] for n in range(pages)])


class Clients(ServiceCase):
    flags = ("--slow-client", "2", "--reflection", "--workers", "1")

    def setUp(self):
        super().setUp()
        self.server().parse(sample("form.pdf"))  # it serves

    def idle(self):
        """Nobody works, nothing is held."""
        self.server().wait_capacity(lambda now: now.running == 0 and now.bytes_held == 0)

    def test_malformed_messages(self):
        """Bytes that are no message, messages cut short and with flipped bits, at every method."""
        noise = random.Random(11)
        good = {m: pb.ParseRequest(content=b"x" * 40, name="a", options=pb.ParseOptions(pages=[pb.PageRange(first=1)], output=pb.OutputOptions(formats=["md"]))).SerializeToString()
                for m in METHODS + STREAMS}
        good["/docparse.v1.Jobs/SubmitJob"] = jobs.SubmitJobRequest(idempotency_key="k", request=pb.ParseRequest(content=b"x")).SerializeToString()
        good[STREAMS[0]] = pb.ParseChunk(header=pb.ParseHeader(name="a", size=3)).SerializeToString()
        wrong = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED}
        for method in METHODS + STREAMS:
            blobs = [b"\xff" * 9, b"\x0a\xff\xff\xff\xff\xff\x0f", b"\x80" * 30, b"\x0b" * 2000, b"\x0a" * 100001]
            for _ in range(12):
                blob = bytearray(good[method] or b"\0")
                for _ in range(noise.randint(1, 4)):
                    blob[noise.randrange(len(blob))] ^= 1 << noise.randrange(8)
                blobs.append(bytes(blob[:noise.randint(0, len(blob))]))
            for blob in blobs:
                try:
                    if method in STREAMS:
                        list(self.server().channel.stream_stream(method)(iter([blob]), timeout=PATIENCE))
                    else:
                        self.server().channel.unary_unary(method)(blob, timeout=PATIENCE)
                except grpc.RpcError as error:
                    self.assertNotIn(error.code(), wrong, (method, blob[:40], error.details()))
        self.idle()

    def test_invalid_utf8(self):
        for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"a\xf4\x90\x80\x80", b"\xe2\x82"):
            raw = pb.ParseRequest(content=sample("form.pdf")).SerializeToString() + b"\x12" + bytes([len(bad)]) + bad
            error = self.fails(grpc.StatusCode.INVALID_ARGUMENT, self.server().channel.unary_unary(PARSER + "ParseDocument"), raw, timeout=PATIENCE)
            self.assertIn("UTF-8", error.details())

    def test_hostile_names(self):
        for name in ("../../etc/passwd", "a\0b", "\u202egnp.exe", "x" * 100000, "C:\\x\\y.pdf", "\n\r\t", "<script>"):
            got = self.server().parse(sample("form.pdf"), fields=dict(name=name)).document
            self.assertEqual(got.status, doc.STATUS_OK)
            self.assertFalse({"/", "\n", "\0"} & set(got.info.source_name), repr(got.info.source_name))

    def test_compressed_messages_are_refused(self):
        call = self.server().channel.unary_unary(PARSER + "ParseDocument")
        self.fails(grpc.StatusCode.UNIMPLEMENTED, call, b"\0" * (60 << 20), timeout=PATIENCE, compression=grpc.Compression.Gzip)

    def test_unfinished_uploads(self):
        """A stream that is neither fed nor closed, and one that never begins: ended with a reason, their bytes given back."""
        over = threading.Event()
        self.addCleanup(over.set)

        def never(first):
            yield from first
            over.wait(3 * PATIENCE)

        for first in ([], [pb.ParseChunk(header=pb.ParseHeader(name="x"))], list(chunks(sample("report.pdf"), size=1000))[:20]):
            error = self.fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(self.server().stream(never(first))))
            self.assertEqual(rich(error)[1]["ErrorInfo"].reason, "SLOW_CLIENT")  # the client's own deadline has no details
        self.idle()

    def test_half_closed(self):
        """Clients that end their side at odd moments."""
        content = sample("form.pdf")
        for wrong in ([], [pb.ParseChunk()], [pb.ParseChunk(header=pb.ParseHeader(size=5)), pb.ParseChunk(data=b"%PDF")],
                      [pb.ParseChunk(header=pb.ParseHeader()), pb.ParseChunk(data=b"")]):
            self.fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: list(self.server().stream(wrong)))
        events = list(self.server().stream(chunks(content)))  # closed long before the answer: that is the rule
        self.assertTrue(events[-1].HasField("finished"))
        with self.assertRaises(grpc.RpcError):
            list(self.server().stream(list(chunks(content)) + [pb.ParseChunk(data=b"more")] * 3 + [pb.ParseChunk(header=pb.ParseHeader())]))

    def test_clients_that_take_nothing(self):
        """One that does not read its stream holds the only worker no longer than --slow-client says; the next is served."""
        narrow = (("grpc.http2.lookahead_bytes", 65536), ("grpc.http2.bdp_probe", 0))  # else its own core takes many pages for it
        with self.server().connect(None, *narrow) as idler:
            stuck = idler.stream_stream(PARSER + "ParseStream", request_serializer=pb.ParseChunk.SerializeToString,
                                        response_deserializer=pb.ParseEvent.FromString)(chunks(large_pdf(260)), timeout=3 * PATIENCE)
            next(stuck)
            self.assertEqual(self.server().parse(sample("form.pdf")).document.status, doc.STATUS_OK)
            with self.assertRaises(grpc.RpcError) as caught:
                list(stuck)
        self.assertIn(caught.exception.code(), (grpc.StatusCode.ABORTED, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN), caught.exception.details())
        self.idle()

    def test_clients_that_vanish(self):
        """Killed in the middle of their upload, while they wait, and while they are answered."""
        script = self.write("client.py", """
import sys, time
sys.path.insert(0, %r)
import grpc
from t.docparse.v1 import parser_pb2 as pb
channel = grpc.insecure_channel(sys.argv[1], options=[("grpc.enable_http_proxy", 0)])
call = channel.stream_stream("/docparse.v1.DocumentParser/ParseStream", request_serializer=pb.ParseChunk.SerializeToString, response_deserializer=pb.ParseEvent.FromString)
content = open(sys.argv[2], "rb").read()
def send():
    yield pb.ParseChunk(header=pb.ParseHeader(name="x"))
    yield pb.ParseChunk(data=content)
    if sys.argv[3] == "upload":
        print("there", flush=True)
        time.sleep(1200)
for event in call(send(), timeout=1200):
    print("there", flush=True)
""" % STUBS)
        document = self.write("scan.tif", sample("scan.tif"))
        for kind in ("upload", "answer", "answer", "wait"):
            client = subprocess.Popen([sys.executable, script, "127.0.0.1:%d" % self.server().port, document, kind], stdout=subprocess.PIPE)
            if kind != "wait":
                self.assertEqual(client.stdout.readline(), b"there\n")
            else:
                time.sleep(1)
            client.kill()
            client.communicate()
        self.idle()

    def test_connections_that_are_no_grpc(self):
        """Other protocols, half a handshake, silence, a flood of frames: the server goes on."""
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", preface[:10], preface + b"\xff" * 2000, b"\0" * 100,
                     preface + b"\0\0\0\4\0\0\0\0\0" + b"\0\0\4\x08\0\0\0\0\1\0\0\0\0" * 1000,  # settings, then window updates of nothing
                     preface + b"\0\0\0\4\0\0\0\0\0" + b"\0\0\x08\x06\0\0\0\0\0abcdefgh" * 3000):  # pings
            with socket.create_connection(("127.0.0.1", self.server().port), timeout=PATIENCE) as s:
                try:
                    s.sendall(data)
                    s.shutdown(socket.SHUT_WR)
                    s.settimeout(2)
                    while s.recv(65536):
                        pass
                except OSError:
                    pass
        silent = [socket.create_connection(("127.0.0.1", self.server().port), timeout=PATIENCE) for _ in range(50)]
        self.assertEqual(self.server().unary("/grpc.health.v1.Health/Check", health.HealthCheckRequest(), health.HealthCheckResponse).status, 1)
        for s in silent:
            s.close()

    def test_many_open_watches(self):
        """More streams than any one table of ours: each is told when the server stops."""
        server = Server(self)
        options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]  # a connection each
        channels = [grpc.insecure_channel("127.0.0.1:%d" % server.port, options=options) for _ in range(5)]
        watches = [c.unary_stream("/grpc.health.v1.Health/Watch", request_serializer=health.HealthCheckRequest.SerializeToString,
                                  response_deserializer=health.HealthCheckResponse.FromString)(health.HealthCheckRequest(), timeout=PATIENCE)
                   for c in channels for _ in range(70)]
        self.assertEqual({next(w).status for w in watches}, {1})
        code, err = server.stop()
        self.assertEqual(code, 0, err)
        told = [[r.status for r in w][:1] for w in watches]
        self.assertEqual(told, [[2]] * len(watches))
        for c in channels:
            c.close()


class Large(ServiceCase):
    """Messages larger than they may be: refused, and their memory given back."""
    flags = ("--workers", "1", "--queue-bytes", "64M")

    def setUp(self):
        super().setUp()
        self.server().parse(sample("form.pdf"))
        self.before = self.memory("VmRSS")

    def memory(self, name):
        with open("/proc/%d/status" % self.server().process.pid) as f:
            return next(int(line.split()[1]) << 10 for line in f if line.startswith(name + ":"))

    def given_back(self):
        """The server looks every ten seconds what it does not need any more."""
        self.server().wait_capacity(lambda now: now.running == 0 and now.bytes_held == 0)
        until = time.time() + PATIENCE
        while self.memory("VmRSS") - self.before > 24 << 20 and not e2e.QUICK:  # sanitizers keep what was freed
            self.assertLess(time.time(), until, "%d MB, and %d MB before" % (self.memory("VmRSS") >> 20, self.before >> 20))
            time.sleep(0.2)

    def test_oversized_messages(self):
        big = b"\0" * (70 << 20)
        error = self.fails(grpc.StatusCode.RESOURCE_EXHAUSTED, self.server().parse, big)
        self.assertIn("larger than max", error.details())
        error = self.fails(grpc.StatusCode.INVALID_ARGUMENT, self.server().channel.unary_unary("/docparse.v1.Jobs/GetJob"), b"\x0a\x90\x4e" + b"a" * 10000, timeout=PATIENCE)
        self.assertEqual(rich(error)[1]["ErrorInfo"].reason, "LIMIT")
        error = self.fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: list(self.server().stream([pb.ParseChunk(header=pb.ParseHeader()), pb.ParseChunk(data=b"\0" * (5 << 20))])))
        self.assertEqual(rich(error)[1]["ErrorInfo"].reason, "LIMIT")
        # A header that promises more than it may is refused before a byte of it.
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: list(self.server().stream([pb.ParseChunk(header=pb.ParseHeader(size=1 << 40))])))
        self.given_back()

    def test_messages_of_any_length_take_bounded_memory(self):
        """The core of gRPC takes in what a message's head promises, up to 4 GiB, and then looks whether it may: twice the largest message is the end."""
        for path in ("ParseDocument", "GetServerInfo"):
            self.fails(grpc.StatusCode.RESOURCE_EXHAUSTED, self.server().channel.unary_unary(PARSER + path), b"\0" * (300 << 20), timeout=PATIENCE)
            self.assertEqual(self.server().parse(sample("form.pdf")).document.status, doc.STATUS_OK)
        if not e2e.QUICK:
            self.assertLess(self.memory("VmHWM") - self.before, 128 + 64 << 20)
        self.given_back()


if __name__ == "__main__":
    main()
