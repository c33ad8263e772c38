# SPDX-License-Identifier: Apache-2.0
"""`docparse serve` from outside, through the official Python client library: every method, streams, refusals, cancel, deadlines, stop, metrics."""
import hashlib, http.client, os, threading, time

import grpc

from e2e import PATIENCE, QUICK, SAMPLES, main, pdf
from service import PARSER, Server, ServiceCase, chunks, doc, health, pb, reflection, rich, sample


class Service(ServiceCase):
    flags = ("--reflection",)

    def test_info_and_capacity(self):
        info = self.server().unary(PARSER + "GetServerInfo", pb.GetServerInfoRequest(), pb.ServerInfo)
        self.assertEqual(list(info.readers), ["compact"])
        self.assertIn("md", info.formats)
        self.assertIn("application/pdf", info.media_types)
        self.assertEqual(len(info.model_sha256), 64)
        capacity = self.server().unary(PARSER + "GetCapacity", pb.GetCapacityRequest(), pb.Capacity)
        self.assertGreater(capacity.workers, 0)
        self.assertEqual(capacity.queue_limit, 64)

    def test_document(self):
        content = sample("invoice.pdf")
        options = pb.ParseOptions(output=pb.OutputOptions(formats=["md", "json"]))
        reply = self.server().parse(content, options=options, fields=dict(name="invoice.pdf", sha256=hashlib.sha256(content).hexdigest()))
        self.assertEqual(reply.document.status, doc.STATUS_OK)
        self.assertEqual(reply.document.info.source_name, "invoice.pdf")
        self.assertEqual(reply.document.info.page_count, 1)
        words = [w.text for b in reply.document.pages[0].blocks for l in b.lines for w in l.words]
        self.assertIn("INVOICE", words)
        self.assertEqual([r.format for r in reply.rendered], ["md", "json"])
        self.convert(os.path.join(SAMPLES, "invoice.pdf"), "-f", "md")
        self.assertEqual(reply.rendered[0].content, self.bytes_of("invoice.md"))

    def test_options(self):
        lean = self.server().parse(sample("report.pdf"), options=pb.ParseOptions(pages=[pb.PageRange(first=2, last=2)], output=pb.OutputOptions(omit_words=True)))
        self.assertEqual([p.number for p in lean.document.pages], [2])
        self.assertTrue(all(not l.words for p in lean.document.pages for b in p.blocks for l in b.lines))
        bare = self.server().parse(sample("form.pdf"), options=pb.ParseOptions(output=pb.OutputOptions(omit_document=True, formats=["text"])))
        self.assertFalse(bare.HasField("document"))
        self.assertIn(b"LINDQVIST", bare.rendered[0].content)

    def test_stream(self):
        content = sample("report.pdf")
        events = list(self.server().stream(chunks(content, name="report.pdf", size=len(content))))
        kinds = [e.WhichOneof("event") for e in events if e.WhichOneof("event") != "heartbeat"]
        self.assertEqual(kinds, ["opened", "page", "page", "finished"])
        self.assertEqual([e.page.number for e in events if e.HasField("page")], [1, 2])
        self.assertEqual(events[-1].finished.pages_ok, 2)

    def test_bad_requests(self):
        bad, form = grpc.StatusCode.INVALID_ARGUMENT, sample("form.pdf")
        self.fails(bad, self.server().parse, b"")
        error = self.fails(bad, self.server().parse, b"this is text")
        status, found = rich(error)
        self.assertEqual(status.code, 3)
        self.assertEqual(found["ErrorInfo"].reason, "UNSUPPORTED")
        self.assertTrue(found["RequestInfo"].request_id)
        for options, field in ((pb.ParseOptions(dpi=-1), "options.dpi"), (pb.ParseOptions(dpi=float("nan")), "options.dpi"),
                               (pb.ParseOptions(pages=[pb.PageRange(first=0)]), "options.pages"),
                               (pb.ParseOptions(output=pb.OutputOptions(formats=["docx"])), "options.output.formats")):
            _, found = rich(self.fails(bad, self.server().parse, form, options=options))
            self.assertEqual(found["BadRequest"].field_violations[0].field, field)
        self.fails(bad, self.server().parse, form, fields=dict(sha256="0" * 64))
        for wrong in ([], [pb.ParseChunk(data=b"x")], list(chunks(form))[:1],
                      list(chunks(form, size=7))[:2], list(chunks(form)) + [pb.ParseChunk(header=pb.ParseHeader())]):
            self.fails(bad, lambda: list(self.server().stream(wrong)))
        self.fails(grpc.StatusCode.UNIMPLEMENTED, self.server().unary, PARSER + "Ask", pb.AskRequest(), pb.AskResponse)
        self.fails(grpc.StatusCode.UNIMPLEMENTED, self.server().unary, "/no.such.Service/Method", pb.AskRequest(), pb.AskResponse)

    def test_garbage(self):
        raw = self.server().channel.unary_unary(PARSER + "ParseDocument")
        for blob in (b"\xff" * 50, b"\x0a\xff\xff\xff\xff\x0f", b"\x12\x02\xff\xfe"):
            self.fails(grpc.StatusCode.INVALID_ARGUMENT, raw, blob, timeout=PATIENCE)
        swollen = b"\x22" + self.varint(400000) + b"\x0a\x00" * 200000
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, raw, swollen, timeout=PATIENCE)

    @staticmethod
    def varint(n):
        out = b""
        while n > 127:
            out += bytes([n & 127 | 128])
            n >>= 7
        return out + bytes([n])

    def test_deadline_and_cancel_free_the_worker(self):
        self.fails(grpc.StatusCode.DEADLINE_EXCEEDED, self.server().parse, sample("scan.tif"), timeout=0.3)
        call = self.server().stream(chunks(sample("scan.tif"), name="scan.tif"))
        next(call)
        call.cancel()
        self.server().wait_capacity(lambda now: now.running == 0 and now.bytes_held == 0)

    def test_health(self):
        check = "/grpc.health.v1.Health/Check"
        for name in ("", "docparse.v1.DocumentParser"):
            self.assertEqual(self.server().unary(check, health.HealthCheckRequest(service=name), health.HealthCheckResponse).status, 1)
        self.fails(grpc.StatusCode.NOT_FOUND, self.server().unary, check, health.HealthCheckRequest(service="x"), health.HealthCheckResponse)

    def test_reflection(self):
        call = self.server().channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                                   request_serializer=reflection.ServerReflectionRequest.SerializeToString,
                                                   response_deserializer=reflection.ServerReflectionResponse.FromString)
        asked = [reflection.ServerReflectionRequest(list_services="*"), reflection.ServerReflectionRequest(file_containing_symbol="docparse.v1.Page"),
                 reflection.ServerReflectionRequest(file_by_filename="docparse/v1/jobs.proto"), reflection.ServerReflectionRequest(file_containing_symbol="none")]
        listed, symbol, named, missing = list(call(iter(asked), timeout=PATIENCE))
        self.assertIn("docparse.v1.DocumentParser", [s.name for s in listed.list_services_response.service])
        self.assertEqual(len(symbol.file_descriptor_response.file_descriptor_proto), 1)
        self.assertEqual(len(named.file_descriptor_response.file_descriptor_proto), 4)
        self.assertEqual(missing.error_response.error_code, 5)

    def test_full_queue_says_when_to_come_back(self):
        server = Server(self, "--workers", "1", "--queue", "2")
        done = []

        def call():
            try:
                done.append(server.parse(sample("photo.jpg")).document.status)
            except grpc.RpcError as error:
                done.append(error)

        threads = [threading.Thread(target=call) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        refused = [d for d in done if isinstance(d, grpc.RpcError)]
        self.assertEqual(len(done), 8)
        self.assertGreaterEqual(len(refused), 3)
        for error in refused:
            self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED, error.details())
            _, found = rich(error)
            self.assertEqual(found["ErrorInfo"].reason, "QUEUE_FULL")
            delay = found["RetryInfo"].retry_delay
            self.assertGreater(delay.seconds + delay.nanos, 0)
            self.assertGreater(int(dict(error.trailing_metadata())["grpc-retry-pushback-ms"]), 0)
        self.assertEqual([d for d in done if not isinstance(d, grpc.RpcError)], [doc.STATUS_OK] * (8 - len(refused)))

    def test_stops_gracefully(self):
        server = Server(self, "--grace", str(PATIENCE))
        watch = server.channel.unary_stream("/grpc.health.v1.Health/Watch", request_serializer=health.HealthCheckRequest.SerializeToString,
                                            response_deserializer=health.HealthCheckResponse.FromString)(health.HealthCheckRequest(), timeout=2 * PATIENCE)
        self.assertEqual(next(watch).status, 1)
        future = server.channel.unary_unary(PARSER + "ParseDocument", request_serializer=pb.ParseRequest.SerializeToString,
                                            response_deserializer=pb.ParseResponse.FromString).future(pb.ParseRequest(content=sample("chinese.png")), timeout=2 * PATIENCE)
        server.wait_capacity(lambda now: now.running == 1)
        code, err = server.stop(2 * PATIENCE)
        self.assertEqual(code, 0, err)
        self.assertEqual(future.result().document.status, doc.STATUS_OK)
        self.assertEqual([r.status for r in watch][:1], [2])

    def test_stops_with_a_stuck_call(self):
        server = Server(self, "--grace", "0")
        events = server.stream(chunks(sample("scan.tif"), name="scan.tif"))
        next(events)
        code, err = server.stop()
        self.assertEqual(code, 0, err)
        with self.assertRaises(grpc.RpcError):
            list(events)

    def test_interactive_calls_do_not_wait_for_bulk_documents(self):
        """One worker reads a bulk document of many pages: an interactive call is answered between two of them."""
        server = Server(self, "--workers", "1")
        count = 60 if QUICK else 400
        many = pdf([["page %d" % i] for i in range(count)])
        events = server.stream(chunks(many, name="many.pdf", options=pb.ParseOptions(priority=pb.PRIORITY_BULK)), timeout=3 * PATIENCE)
        self.assertTrue(next(events).HasField("opened"))
        got = []
        taker = threading.Thread(target=lambda: got.extend(events))
        taker.start()
        reply = server.parse(sample("form.pdf"))
        early = list(got)
        taker.join()
        self.assertEqual(reply.document.status, doc.STATUS_OK)
        self.assertFalse(any(e.HasField("finished") for e in early), "the bulk document ended first")
        pages = [e.page.number for e in got if e.HasField("page")]
        self.assertEqual(pages, list(range(1, count + 1)))

    def test_metrics(self):
        server = Server(self, "--metrics", "127.0.0.1:0")
        server.parse(sample("form.pdf"))
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, server.parse, b"text")

        def get(path):
            connection = http.client.HTTPConnection("127.0.0.1", server.metrics, timeout=PATIENCE)
            self.addCleanup(connection.close)
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

        wanted = ['docparse_calls_total{method="/docparse.v1.DocumentParser/ParseDocument",code="OK"} 1',
                  'docparse_calls_total{method="/docparse.v1.DocumentParser/ParseDocument",code="INVALID_ARGUMENT"} 1',
                  'docparse_call_seconds_count{method="/docparse.v1.DocumentParser/ParseDocument"} 2', 'docparse_pages_total{status="ok"} 1']
        deadline = time.time() + PATIENCE
        while time.time() < deadline and not all(w in get("/metrics")[1] for w in wanted):
            time.sleep(0.1)
        status, text = get("/metrics")
        self.assertEqual(status, 200)
        for line in wanted:
            self.assertIn(line, text)
        self.assertEqual(get("/healthz"), (200, "ok\n"))
        self.assertEqual(get("/etc/passwd")[0], 404)


if __name__ == "__main__":
    main()
