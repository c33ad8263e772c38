# SPDX-License-Identifier: Apache-2.0
"""What one client may use of `docparse serve`, and how a call is followed: limits by token, request ids, trace context, log lines."""
import re, socket, struct, threading, time

import grpc

import e2e
from e2e import PATIENCE, main
from service import PARSER, Server, ServiceCase, chunks, doc, jobs, pb, rich, sample

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
TOKENS = "alice 0123456789abcdef0123\nbob fedcba9876543210fedcba\n"
ALICE, BOB = ((("authorization", "Bearer " + t),) for t in ("0123456789abcdef0123", "fedcba9876543210fedcba"))
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Tap:
    """A connection between a client and the server that notes which flow-control window the server offers for an upload."""

    def __init__(self, case, port):
        self.windows, self.server_port = [], port
        self.door = socket.create_server(("127.0.0.1", 0))
        case.addCleanup(self.door.close)
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        client, server = self.door.accept()[0], socket.create_connection(("127.0.0.1", self.server_port))
        threading.Thread(target=self.pass_on, args=(client, server, None), daemon=True).start()
        self.pass_on(server, client, bytearray())

    def pass_on(self, source, target, seen):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
                if seen is not None:
                    self.note(seen, data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()

    def note(self, seen, data):
        seen += data
        while len(seen) >= 9 and len(seen) >= 9 + int.from_bytes(seen[:3], "big"):
            size, kind, flags = int.from_bytes(seen[:3], "big"), seen[3], seen[4]
            if kind == 4 and not flags & 1:  # SETTINGS
                settings = dict(struct.unpack(">HI", seen[i:i + 6]) for i in range(9, 9 + size, 6))
                self.windows += [settings[4]] if 4 in settings else []
            del seen[:9 + size]


class Limits(ServiceCase):
    def start(self, *flags):
        return Server(self, "--token-file", self.write("tokens", TOKENS), *flags)

    def refused(self, error, reason, retry=True):
        """The details of a refusal that names the client."""
        self.assertEqual(error.code(), EXHAUSTED if retry else grpc.StatusCode.INVALID_ARGUMENT, error.details())
        _, found = rich(error)
        self.assertEqual(found["ErrorInfo"].reason, reason)
        self.assertEqual(found["QuotaFailure"].violations[0].subject, "client:alice")
        self.assertIn(found["QuotaFailure"].violations[0].description, error.details())
        trailing = dict(error.trailing_metadata())
        if retry:
            delay = found["RetryInfo"].retry_delay
            self.assertGreater(delay.seconds + delay.nanos, 0)
            self.assertGreater(int(trailing["grpc-retry-pushback-ms"]), 0)
        else:
            self.assertNotIn("RetryInfo", found)
            self.assertNotIn("grpc-retry-pushback-ms", trailing)
        return found

    def test_calls_in_flight(self):
        server = self.start("--client-calls", "2", "--workers", "1")
        hold = threading.Event()

        def slowly():
            yield pb.ParseChunk(header=pb.ParseHeader(name="slow"))
            hold.wait(3 * PATIENCE)

        stream = lambda: server.channel.stream_stream(PARSER + "ParseStream", request_serializer=pb.ParseChunk.SerializeToString, response_deserializer=pb.ParseEvent.FromString)(
            slowly(), timeout=3 * PATIENCE, metadata=ALICE)
        open_calls = [stream(), stream()]
        deadline = time.time() + PATIENCE
        while True:
            try:
                server.parse(sample("form.pdf"), metadata=ALICE)
                self.assertLess(time.time(), deadline)
            except grpc.RpcError as error:
                self.refused(error, "CLIENT_CALLS")
                break
        # Others go on, and so do calls that cost nothing.
        self.assertEqual(server.parse(sample("form.pdf"), metadata=BOB).document.status, doc.STATUS_OK)
        server.unary(PARSER + "GetCapacity", pb.GetCapacityRequest(), pb.Capacity, metadata=ALICE)
        hold.set()
        for call in open_calls:
            self.assertRaises(grpc.RpcError, list, call)
        deadline = time.time() + PATIENCE
        while True:
            try:
                return self.assertEqual(server.parse(sample("form.pdf"), metadata=ALICE).document.status, doc.STATUS_OK)
            except grpc.RpcError:
                self.assertLess(time.time(), deadline, "the places of ended calls are not free")

    def test_bytes(self):
        content = sample("form.pdf")
        server = self.start("--client-bytes", str(len(content) + 1000), "--workers", "1")
        hold = threading.Event()

        def slowly():
            yield from chunks(content[:-10], name="slow")
            hold.wait(3 * PATIENCE)

        first = server.channel.stream_stream(PARSER + "ParseStream", request_serializer=pb.ParseChunk.SerializeToString, response_deserializer=pb.ParseEvent.FromString)(
            slowly(), timeout=3 * PATIENCE, metadata=ALICE)
        server.wait_capacity(lambda now: now.bytes_held >= len(content) - 10, metadata=BOB)
        self.refused(self.fails(EXHAUSTED, server.parse, content, metadata=ALICE), "CLIENT_BYTES")
        server.parse(content, metadata=BOB)
        first.cancel()
        hold.set()
        # What can never fit is no matter of waiting.
        self.refused(self.fails(grpc.StatusCode.INVALID_ARGUMENT, server.parse, content + b"x" * 1000, metadata=ALICE), "CLIENT_BYTES", retry=False)

    def test_pages_per_minute(self):
        server = self.start("--client-pages", "2", "--state-dir", self.at("state"))
        six = e2e.pdf([["page %d" % n] for n in range(6)])  # far beyond: less than half a minute would be soon over on a busy machine
        server.parse(six, metadata=ALICE)
        found = self.refused(self.fails(EXHAUSTED, server.parse, sample("form.pdf"), metadata=ALICE), "CLIENT_PAGES")
        self.assertIn(found["RetryInfo"].retry_delay.seconds, range(1, 151))
        submit = jobs.SubmitJobRequest(request=pb.ParseRequest(content=sample("form.pdf")))
        self.refused(self.fails(EXHAUSTED, server.job, "SubmitJob", submit, metadata=ALICE), "CLIENT_PAGES")
        job = server.job("SubmitJob", submit, metadata=BOB)
        while server.job("GetJob", jobs.GetJobRequest(id=job.id), jobs.GetJobResponse, metadata=BOB).job.state < jobs.JOB_STATE_SUCCEEDED:
            time.sleep(0.05)
        server.parse(six, metadata=BOB)
        error = self.fails(EXHAUSTED, server.parse, sample("form.pdf"), metadata=BOB)
        self.assertEqual(rich(error)[1]["QuotaFailure"].violations[0].subject, "client:bob")

    def test_uploads_come_no_faster_than_they_are_counted(self):
        """The core of gRPC would widen its window with the connection's speed, and take in whole documents past every budget."""
        server = Server(self, "--workers", "1")
        tap = Tap(self, server.port)
        with grpc.insecure_channel("127.0.0.1:%d" % tap.port, options=[("grpc.enable_http_proxy", 0)]) as channel:
            call = channel.stream_stream(PARSER + "ParseStream", request_serializer=pb.ParseChunk.SerializeToString, response_deserializer=pb.ParseEvent.FromString)
            with self.assertRaises(grpc.RpcError) as caught:
                list(call(chunks(b"%PDF-1.4\n" + bytes(60 << 20), size=1 << 18), timeout=PATIENCE))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertTrue(tap.windows)
        self.assertLessEqual(max(tap.windows), 1 << 20)


class Following(ServiceCase):
    def trailing(self, server, *metadata, code=None):
        call = server.channel.unary_unary(PARSER + "GetCapacity", request_serializer=pb.GetCapacityRequest.SerializeToString, response_deserializer=pb.Capacity.FromString)
        return dict(call.with_call(pb.GetCapacityRequest(), timeout=PATIENCE, metadata=metadata)[1].trailing_metadata())

    def test_request_ids(self):
        server = self.server()
        self.assertEqual(self.trailing(server, ("x-request-id", "order-4711/a"))["x-request-id"], "order-4711/a")
        made = {self.trailing(server, *given)["x-request-id"] for given in ((), (("x-request-id", "two words"),), (("x-request-id", "x" * 64),), (("x-request-id", 'a"b'),))}
        self.assertEqual(len(made), 4)
        self.assertTrue(all(re.fullmatch("[0-9a-f]{16}", m) for m in made), made)
        error = self.fails(grpc.StatusCode.INVALID_ARGUMENT, server.parse, b"", metadata=(("x-request-id", "bad-1"),))
        self.assertEqual(rich(error)[1]["RequestInfo"].request_id, "bad-1")

    def test_trace_context(self):
        server = self.server()
        answer = self.trailing(server, ("traceparent", PARENT), ("tracestate", "congo=t61rcWkgMzE"))
        match = re.fullmatch("00-0af7651916cd43dd8448eb211c80319c-([0-9a-f]{16})-01", answer["traceparent"])
        self.assertTrue(match, answer)
        self.assertNotEqual(match.group(1), "b7ad6b7169203331")
        self.assertEqual(answer["tracestate"], "congo=t61rcWkgMzE")
        self.assertNotIn("traceparent", self.trailing(server))
        for parent, state in (("00-xyz", "a=1"), (PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32), "a=1")):
            answer = self.trailing(server, ("traceparent", parent), ("tracestate", state))
            self.assertFalse({"traceparent", "tracestate"} & set(answer), answer)
        self.assertNotIn("tracestate", self.trailing(server, ("traceparent", PARENT), ("tracestate", "x" * 600)))

    def test_log_lines(self):
        server = Server(self, "--log-calls", "--token-file", self.write("tokens", TOKENS))
        server.parse(sample("form.pdf"), metadata=ALICE + (("x-request-id", "order-1"), ("traceparent", PARENT)))
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, server.parse, b"text\nwith lines", metadata=BOB + (("x-request-id", "order-2"),))
        self.fails(grpc.StatusCode.UNAUTHENTICATED, server.parse, b"x", metadata=(("x-request-id", "order-3"),))
        code, err = server.stop()
        self.assertEqual(code, 0, err)
        line = lambda name: next(l for l in err.splitlines() if "request=%s " % name in l)
        self.assertRegex(line("order-1"), "trace=0af7651916cd43dd8448eb211c80319c span=[0-9a-f]{16} client=alice /docparse.v1.DocumentParser/ParseDocument: OK after [0-9]+ ms")
        self.assertRegex(line("order-2"), "client=bob .*: UNSUPPORTED, .* after [0-9]+ ms")
        self.assertIn("UNAUTHENTICATED", line("order-3"))
        self.assertNotIn("0123456789abcdef0123", err)
        quiet = Server(self)
        quiet.parse(sample("form.pdf"), metadata=(("x-request-id", "order-4"),))
        self.assertNotIn("order-4", quiet.stop()[1])


if __name__ == "__main__":
    main()
