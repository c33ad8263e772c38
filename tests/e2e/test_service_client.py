# SPDX-License-Identifier: Apache-2.0
"""`docparse call`: every method against `docparse serve`, and its patience against a server written here."""
import concurrent.futures, json, os, subprocess, time

import grpc

import e2e
from e2e import SAMPLES, main
from service import Server, ServiceCase, details_pb, pb, status_pb2

MODEL = os.path.join(os.environ.get("DP_SHARED", ""), "data", "golden", "overfit")


class Client(ServiceCase):
    def test_our_client(self):
        server = Server(self, "--token-file", self.write("tokens", "alice 0123456789abcdef0123\n"))
        token, address = self.write("token", "0123456789abcdef0123\n"), "127.0.0.1:%d" % server.port
        told = self.run_program("call", address, "--token-file", token, code=0)
        self.assertIn("reader compact", told.out)
        files = [os.path.join(SAMPLES, n) for n in ("invoice.pdf", "report.pdf")]
        self.run_program("call", address, "--token-file", token, "-o", self.out, "-f", "json,md", *files, code=0)
        self.assertEqual(self.results(), ["invoice.json", "invoice.md", "report.json", "report.md"])
        called = self.bytes_of("report.md")
        self.convert(files[1], "-f", "md")
        self.assertEqual(self.bytes_of("report.md"), called)
        bad = self.write("bad.pdf", "no document")
        result = self.run_program("call", address, "--token-file", token, "-o", self.at("o2"), bad, files[0], code=1)
        self.names_error(result, "bad.pdf", "argument")
        self.assertEqual(sorted(os.listdir(self.at("o2"))), ["invoice.json", "invoice.md"])
        result = self.run_program("call", address, "-o", self.at("o3"), files[0], code=1)
        self.assertIn("bearer token", result.err)
        self.run_program("call", "127.0.0.1:1", files[0], "--deadline", "5", code=1)  # nobody listens there
        self.run_program("call", code=2)

    def test_our_client_comes_back_when_told(self):
        server = Server(self, "--workers", "1", "--queue", "1")
        page = os.path.join(SAMPLES, "form.pdf")
        calls = [subprocess.Popen([e2e.PROGRAM, "call", "127.0.0.1:%d" % server.port, page, "-o", self.at("o%d" % i), "--retries", "100"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for i in range(6)]
        self.assertEqual([(c.communicate()[1], c.returncode)[1] for c in calls], [0] * 6)

    def call(self, server, *args, code=e2e.OK):
        return self.run_program("call", "127.0.0.1:%d" % server.port, *args, code=code)

    def lines(self, result):
        return [json.loads(line) for line in result.out.splitlines()]

    def test_parse_methods(self):
        server, page = self.server(), os.path.join(SAMPLES, "report.pdf")
        self.call(server, "-m", "ParseDocument", "-o", self.out, "-f", "md", page)
        whole = self.bytes_of("report.md")
        self.call(server, "-m", "parsestream", "-o", self.out, "-f", "md", page)
        self.assertEqual(self.bytes_of("report.md"), whole)
        events = self.lines(self.call(server, "--json", page))
        kinds = [list(e)[0] for e in events if "heartbeat" not in e]
        self.assertEqual(kinds, ["opened", "page", "page", "finished"])
        self.assertTrue(any(line.get("words") for e in events if "page" in e for b in e["page"]["blocks"] for line in b.get("lines", [])))
        self.assertEqual(os.listdir(self.folder), ["out"])
        document = self.lines(self.call(server, "-m", "ParseDocument", "--json", "--pages", "2", page))[0]["document"]
        self.assertEqual([p["number"] for p in document["pages"]], [2])
        self.assertEqual(document["status"], "STATUS_OK")
        shown = self.call(server, "--progress", "plain", "-o", self.out, page).err
        self.assertIn("2 of 2 pages", shown)

    def test_info_capacity_health(self):
        server = self.server()
        self.assertEqual(self.lines(self.call(server, "-m", "GetServerInfo"))[0]["readers"], ["compact"])
        capacity = self.lines(self.call(server, "-m", "GetCapacity"))[0]
        self.assertEqual((capacity["queue_limit"], capacity["bytes_limit"]), (64, str(1 << 30)))
        self.assertEqual(self.lines(self.call(server, "-m", "Check")), [{"status": "SERVING"}])
        self.assertEqual(self.lines(self.call(server, "-m", "Check", "docparse.v1.Jobs", "docparse.v1.DocumentParser"))[1]["status"], "SERVING")
        self.names_error(self.call(server, "-m", "Check", "no.such", code=e2e.FAILED), "no.such", "not_found")
        watch = subprocess.Popen([e2e.PROGRAM, "call", "127.0.0.1:%d" % server.port, "-m", "Watch"], stdout=subprocess.PIPE)
        self.assertEqual(json.loads(watch.stdout.readline()), {"status": "SERVING"})
        watch.terminate()
        self.assertEqual(watch.wait(e2e.PATIENCE), e2e.INTERRUPTED)
        watch.stdout.close()

    def test_jobs(self):
        server, page = Server(self, "--state-dir", self.at("state"), "--workers", "1"), os.path.join(SAMPLES, "form.pdf")
        job = self.lines(self.call(server, "-m", "SubmitJob", "--key", "order-1", "-f", "md", page))[0]
        self.assertEqual(self.lines(self.call(server, "-m", "SubmitJob", "--key", "order-1", "-f", "md", page))[0]["id"], job["id"])
        states = [j["state"] for j in self.lines(self.call(server, "-m", "WatchJob", job["id"]))]
        self.assertEqual(states[-1], "JOB_STATE_SUCCEEDED")
        got = self.lines(self.call(server, "-m", "GetJob", job["id"]))[0]
        self.assertEqual((got["job"]["status"], "result" in got), ("STATUS_OK", False))
        self.assertEqual(len(self.lines(self.call(server, "-m", "GetJob", "--result", job["id"]))[0]["result"]["document"]["pages"]), 1)
        self.call(server, "-m", "GetJob", job["id"], "-o", self.out)
        self.convert(page, "-f", "md")
        self.assertEqual(self.bytes_of(job["id"] + ".md"), self.bytes_of("form.md"))
        waiting = [self.lines(self.call(server, "-m", "SubmitJob", os.path.join(SAMPLES, n)))[0]["id"] for n in ("scan.tif", "scan.tif")]
        self.assertEqual(len(set(waiting)), 2)
        self.assertEqual(self.lines(self.call(server, "-m", "CancelJob", waiting[1]))[0]["state"], "JOB_STATE_CANCELLED")
        listed = self.lines(self.call(server, "-m", "ListJobs", "--state", "cancelled"))[0]["jobs"]
        self.assertEqual([j["id"] for j in listed], [waiting[1]])
        first = self.lines(self.call(server, "-m", "ListJobs", "--page-size", "1"))[0]
        self.assertEqual(len(self.lines(self.call(server, "-m", "ListJobs", "--page-token", first["next_page_token"]))[0]["jobs"]), 2)
        self.call(server, "-m", "WatchJob", waiting[1], code=e2e.FAILED)
        self.names_error(self.call(server, "-m", "GetJob", "nothing", code=e2e.FAILED), "nothing", "not_found")

    def test_questions(self):
        if not os.path.exists(os.path.join(MODEL, "expected.json")):
            self.skipTest("no golden data in %s" % MODEL)
        server = Server(self, "--model", MODEL)
        p1, p2 = (os.path.join(MODEL, "pages", n) for n in ("p1.png", "p2.png"))
        with open(os.path.join(MODEL, "pages", "p2.html"), encoding="utf-8") as f:
            expected = f.read()
        for method in ("Ask", "AskStream"):
            self.assertEqual(self.call(server, "-m", method, "-q", "QwenVL HTML", p2).out, expected + "\n")
        events = self.lines(self.call(server, "-m", "AskStream", "-q", "QwenVL HTML", "--json", p2))
        self.assertEqual("".join(e["token"].get("text", "") for e in events if "token" in e), expected)
        self.assertEqual(events[-1]["finished"]["answer"], expected)
        self.call(server, "-m", "Ask", "-q", "QwenVL HTML", "--max-tokens", "20", p2, code=e2e.FAILED)
        schema = self.write("s.json", json.dumps({"type": "object", "properties": {"kind": {"enum": ["list", "letter"]}}, "required": ["kind"]}))
        reply = self.lines(self.call(server, "-m", "Extract", "--schema", schema, "--tokens", p1))[0]
        self.assertIn(json.loads(reply["json"])["kind"], ("list", "letter"))
        self.assertTrue(reply["held"] and reply["tokens"])
        found = self.lines(self.call(server, "-m", "Locate", "-q", "the title", "--max-tokens", "2000", p1))[0]
        self.assertTrue(all(("box" in l) != ("point" in l) for l in found["locations"]))
        compact = self.call(self.server(), "-m", "Ask", "-q", "x", p1, code=e2e.FAILED).err
        self.assertIn("--model DIR", compact)
        self.assertRegex(compact, r"request [0-9a-f]{16}")

    def test_usage(self):
        for args in (("-m", "Nothing"), ("-m", "Ask", "x.png"), ("-m", "Ask", "-q", "x"), ("-m", "Extract", "-q", "x", "f"), ("-m", "GetJob"), ("-m", "GetCapacity", "x"),
                     ("--pages", "3-2", "f"), ("--pages", "0", "f"), ("--state", "lost"), ("-f", "docx", "f"), ("--retries", "-1", "f")):
            self.run_program("call", "127.0.0.1:1", *args, code=e2e.USAGE)


class Refusing(grpc.GenericRpcHandler):
    """A server that refuses every call in the way it is told and notes when calls came."""

    def __init__(self, *refusals):
        self.refusals, self.times = list(refusals), []

    def service(self, details):
        def answer(request, context):
            self.times.append(time.time())
            if self.refusals:
                code, pushback, delay = self.refusals.pop(0)
                trailing = [("grpc-retry-pushback-ms", pushback)] if pushback is not None else []
                if delay is not None:
                    status = status_pb2.Status(code=code.value[0], message="busy")
                    retry = details_pb.RetryInfo()
                    retry.retry_delay.seconds, retry.retry_delay.nanos = int(delay), int(delay % 1 * 1e9)
                    any_ = status.details.add()
                    any_.type_url, any_.value = "type.googleapis.com/google.rpc.RetryInfo", retry.SerializeToString()
                    trailing.append(("grpc-status-details-bin", status.SerializeToString()))
                context.set_trailing_metadata(trailing)
                context.abort(code, "busy")
            return pb.Capacity(workers=7)
        return grpc.unary_unary_rpc_method_handler(answer, request_deserializer=lambda b: b, response_serializer=pb.Capacity.SerializeToString)


BUSY, GONE, BAD = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT


class Patience(ServiceCase):
    def calls(self, *refusals, code=e2e.OK, args=()):
        """The times between calls until the client is content or gives up."""
        handler = Refusing(*refusals)
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=(handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            self.run_program("call", "127.0.0.1:%d" % port, "-m", "GetCapacity", *args, code=code)
        finally:
            server.stop(0)
        return [b - a for a, b in zip(handler.times, handler.times[1:])]

    def test_the_servers_delay_is_honoured(self):
        waits = self.calls((BUSY, "400", None), (BUSY, None, 0.3), (GONE, "100", 300.0))
        self.assertEqual(len(waits), 3)
        for got, least in zip(waits, (0.4, 0.3, 0.1)):
            self.assertGreaterEqual(got, least)
        self.assertLess(waits[2], 100, "the pushback counts, not the details")

    def test_without_one_the_wait_grows(self):
        waits = self.calls((GONE, None, None), (GONE, None, None), (GONE, None, None))
        self.assertEqual(len(waits), 3)
        self.assertGreaterEqual(waits[1], waits[0])
        self.assertGreaterEqual(waits[2], 1.0)

    def test_what_invites_no_retry(self):
        for refusal in ((BUSY, None, None), (BUSY, "-1", 0.1), (GONE, "never", None), (BAD, None, None)):
            self.assertEqual(self.calls(refusal, code=e2e.FAILED), [], refusal)
        self.assertEqual(len(self.calls(*[(BUSY, "10", None)] * 9, code=e2e.FAILED, args=("--retries", "2"))), 2)
        begin = time.time()
        self.assertEqual(self.calls((BUSY, "300000", None), code=e2e.FAILED, args=("--deadline", "200")), [])
        self.assertLess(time.time() - begin, 100, "it waited although the deadline would have passed")


if __name__ == "__main__":
    main()
