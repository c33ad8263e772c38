# SPDX-License-Identifier: Apache-2.0
"""Ask, AskStream, Extract and Locate over gRPC, with a small checkpoint that was taught six pages by heart: the answers are those of the
command line, streams come token by token, cancel and deadline free the model's thread, bad requests are named by field."""
import json, os, sys, threading, time, unittest

import grpc

import e2e
from service import PARSER, Server, ServiceCase, jobs, pb, rich, sample

MODEL = os.path.join(os.environ.get("DP_SHARED", ""), "data", "golden", "overfit")
BAD = grpc.StatusCode.INVALID_ARGUMENT


def page(name):
    with open(os.path.join(MODEL, "pages", name), "rb") as f:
        return f.read()


class Ask(ServiceCase):
    flags = ("--model", MODEL, "--model-cache", "64M")

    def ask(self, server=None, **fields):
        fields.setdefault("content", page("p2.png"))
        fields.setdefault("question", "QwenVL HTML")
        return (server or self.server()).unary(PARSER + "Ask", pb.AskRequest(**fields), pb.AskResponse)

    def stream(self, timeout=e2e.PATIENCE, **fields):
        call = self.server().channel.unary_stream(PARSER + "AskStream", request_serializer=pb.AskRequest.SerializeToString, response_deserializer=pb.AskEvent.FromString)
        return call(pb.AskRequest(content=page("p2.png"), question="QwenVL HTML", **fields), timeout=timeout)

    def extract(self, schema, **fields):
        fields.setdefault("content", page("p1.png"))
        return self.server().unary(PARSER + "Extract", pb.ExtractRequest(json_schema=schema if isinstance(schema, str) else json.dumps(schema), **fields), pb.ExtractResponse)

    def locate(self, **fields):
        fields.setdefault("content", page("p1.png"))
        fields.setdefault("phrase", "the title")
        return self.server().unary(PARSER + "Locate", pb.LocateRequest(**fields), pb.LocateResponse)

    def capacity(self):
        return self.server().unary(PARSER + "GetCapacity", pb.GetCapacityRequest(), pb.Capacity)

    def idle(self, seconds=e2e.PATIENCE):
        """Waits until the model is free; returns how long that took."""
        begin = time.time()
        while self.capacity().model_running or self.capacity().bytes_held:
            self.assertLess(time.time() - begin, seconds, "the model still answers")
            time.sleep(0.002)
        return time.time() - begin

    def test_info(self):
        info = self.server().unary(PARSER + "GetServerInfo", pb.GetServerInfoRequest(), pb.ServerInfo)
        self.assertTrue(info.large_model)
        self.assertEqual(len(info.large_model_sha256), 64)
        self.assertEqual(self.capacity().model_sessions, 1)

    def test_ask_gives_the_answer_of_the_command_line(self):
        with open(os.path.join(MODEL, "pages", "p2.html"), encoding="utf-8") as f:
            expected = f.read()
        reply = self.ask()
        self.assertEqual((reply.answer, reply.complete, list(reply.tokens)), (expected, True, []))
        told = json.loads(self.run_program("ask", "--model", MODEL, "-q", "QwenVL HTML", "--json", os.path.join(MODEL, "pages", "p2.png"), code=e2e.OK).out)
        self.assertAlmostEqual(reply.confidence, told["confidence"], delta=1e-6)
        reply = self.ask(tokens=True)
        self.assertEqual("".join(t.text for t in reply.tokens), expected)
        self.assertTrue(all(t.log_probability <= 1e-6 for t in reply.tokens))
        mean = sum(t.log_probability for t in reply.tokens) / len(reply.tokens)
        self.assertAlmostEqual(2.718281828459045 ** mean, reply.confidence, delta=1e-5)

    def test_pages_read_by_the_model_are_those_of_the_command_line(self):
        """ParseOptions.reader: calls, streams and jobs, on the model's thread, with results kept apart from the compact reader's."""
        self.out = self.at("out")
        self.convert(os.path.join(MODEL, "pages", "p2.png"), "--reader", "qwen25vl", "--model", MODEL, "-f", "json")
        with open(os.path.join(self.out, "p2.json"), "rb") as f:
            expected = f.read()
        options = pb.ParseOptions(reader=pb.READER_LARGE, output=pb.OutputOptions(formats=["json"]))
        server = Server(self, *self.flags, "--state-dir", self.at("state"), "--cache-dir", self.at("cache"))
        info = server.unary(PARSER + "GetServerInfo", pb.GetServerInfoRequest(), pb.ServerInfo)
        self.assertEqual(list(info.readers), ["compact", "qwen25vl"])
        first = server.parse(page("p2.png"), options=options, fields=dict(name="p2.png"))
        self.assertEqual(first.rendered[0].content, expected)
        self.assertEqual(first.document.info.model_sha256, info.large_model_sha256)
        compact = server.parse(page("p2.png"), options=pb.ParseOptions(output=options.output), fields=dict(name="p2.png"))
        self.assertEqual(compact.document.info.model_sha256, info.model_sha256)
        chunk = [pb.ParseChunk(header=pb.ParseHeader(name="p2.png", options=options)), pb.ParseChunk(data=page("p2.png"))]
        self.assertEqual(list(server.stream(chunk))[-1].finished.rendered[0].content, expected)
        self.run_program("call", "127.0.0.1:%d" % server.port, "--reader", "qwen25vl", "-f", "json", "-o", self.at("called"), os.path.join(MODEL, "pages", "p2.png"), code=e2e.OK)
        with open(os.path.join(self.at("called"), "p2.json"), encoding="utf-8") as f:
            self.assertIn(info.large_model_sha256, f.read())
        # A job, read by another start that has kept nothing.
        server.stop()
        server = Server(self, *self.flags, "--state-dir", self.at("state"))
        job = server.job("SubmitJob", jobs.SubmitJobRequest(request=pb.ParseRequest(content=page("p2.png"), name="p2.png", options=options)))
        self.assertEqual(list(server.watch_job(job.id))[-1].state, jobs.JOB_STATE_SUCCEEDED)
        self.assertEqual(server.result(job.id).result, first)
        self.assertEqual(server.stop()[0], 0)

    def test_jobs_for_the_model_wait_for_it(self):
        """Accepted, and then started without the model: the job waits, others do not wait for it."""
        large, state = pb.ParseOptions(reader=pb.READER_LARGE), ("--state-dir", self.at("state"))
        server = Server(self, *self.flags, *state, "--model-sessions", "1")
        accepted = [server.job("SubmitJob", jobs.SubmitJobRequest(request=pb.ParseRequest(content=page("p2.png"), name="x", options=large))).id for _ in range(4)]
        server.process.kill()
        server.kill()
        server = Server(self, *state)
        self.fails(grpc.StatusCode.UNIMPLEMENTED, server.submit, "form.pdf", options=large)
        self.assertEqual(list(server.watch_job(server.submit("form.pdf").id))[-1].state, jobs.JOB_STATE_SUCCEEDED)
        self.assertIn(jobs.JOB_STATE_QUEUED, [server.result(i).job.state for i in accepted])
        self.assertIn("wait for a large model", server.stop()[1])
        server = Server(self, *self.flags, *state)
        for i in accepted:
            self.assertEqual(list(server.watch_job(i))[-1].state, jobs.JOB_STATE_SUCCEEDED)

    def test_reading_page_by_the_model_ends_with_its_call(self):
        call = self.server().channel.unary_unary(PARSER + "ParseDocument", request_serializer=pb.ParseRequest.SerializeToString, response_deserializer=pb.ParseResponse.FromString)
        future = call.future(pb.ParseRequest(content=page("p2.png"), options=pb.ParseOptions(reader=pb.READER_LARGE)), timeout=e2e.PATIENCE)
        self.server().wait_capacity(lambda now: now.model_running)
        future.cancel()
        self.idle()

    def test_cut_answers_say_so(self):
        whole, cut = self.ask(), self.ask(max_tokens=20)
        self.assertFalse(cut.complete)
        self.assertTrue(whole.answer.startswith(cut.answer) and 5 < len(cut.answer) < len(whole.answer))

    def test_stream(self):
        whole, events = self.ask(), list(self.stream())
        kinds = [e.WhichOneof("event") for e in events]
        self.assertEqual(kinds[-1], "finished")
        self.assertGreater(kinds.count("token"), 100)
        self.assertEqual("".join(e.token.text for e in events[:-1] if e.HasField("token")), whole.answer)
        self.assertEqual((events[-1].finished.answer, events[-1].finished.complete), (whole.answer, True))

    def test_cancel_and_deadline_free_the_model_at_once(self):
        self.ask()
        begin = time.time()
        self.ask()
        full = time.time() - begin
        freed, late = [], []
        for _ in range(3):  # one of three is not held up by other programs
            call = self.stream()
            next(call)
            call.cancel()
            freed.append(self.idle())
            with self.assertRaises(grpc.RpcError) as caught:
                list(self.stream(timeout=0.05))
            self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
            late.append(self.idle())
        self.assertLess(min(freed), max(0.5 * full, 0.25), "cancelled, the answer went on to its end")
        self.assertLess(min(late), max(0.5 * full, 0.25))

    def test_questions_wait_for_each_other_and_share_the_model(self):
        self.ask()  # the server learns how long one takes: by its first guess the last ones would be too late
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.ask().answer)) for _ in range(6)]
        for t in threads:
            t.start()
        # A page is read meanwhile: questions do not take the workers.
        self.assertEqual(len(self.server().parse(sample("form.pdf")).document.pages), 1)
        for t in threads:
            t.join()
        self.assertEqual(len(answers), 6)
        self.assertEqual(len(set(answers)), 1)

    def test_extract(self):
        item = {"type": "object", "properties": {"name": {"type": ["string", "null"], "maxLength": 12}, "qty": {"type": "integer"}}, "required": ["name", "qty"]}
        schema = {"type": "object", "properties": {"title": {"type": "string", "maxLength": 30}, "items": {"type": "array", "items": item, "maxItems": 3},
                                                   "kind": {"enum": ["list", "letter"]}}, "required": ["title", "items", "kind"]}
        reply = self.extract(schema, max_tokens=600, tokens=True)
        told = self.run_program("extract", "--schema", self.write("s.json", json.dumps(schema, indent=4)), "--model", MODEL, "--max-tokens", "600",
                                os.path.join(MODEL, "pages", "p1.png"), code=e2e.OK)
        self.assertEqual(json.loads(reply.json), json.loads(told.out))
        self.assertTrue(reply.held)
        self.assertEqual(reply.warning, "")
        self.assertEqual("".join(t.text for t in reply.tokens), reply.json)
        _, found = rich(self.fails(BAD, self.extract, schema, max_tokens=5))
        self.assertEqual((found["ErrorInfo"].reason, found["BadRequest"].field_violations[0].field), ("ANSWER_CUT", "max_tokens"))
        for wrong in ("{", "[]", '{"type": "objekt"}', '{"type":"object","type":"object"}', "null"):
            _, found = rich(self.fails(BAD, self.extract, wrong))
            self.assertEqual(found["BadRequest"].field_violations[0].field, "json_schema", wrong)
        # A keyword that cannot be held: the free answer of this model is no JSON, which is an error of its own.
        schema["properties"]["title"]["pattern"] = "^[A-Z]"
        error = self.fails(grpc.StatusCode.INTERNAL, self.extract, schema)
        self.assertEqual(rich(error)[1]["ErrorInfo"].reason, "ANSWER_FORMAT")

    def test_locate(self):
        reply = self.locate(max_tokens=4000, tokens=True)
        self.assertGreater(len(reply.tokens), 1)
        self.assertEqual(json.loads("".join(t.text for t in reply.tokens)) == [], len(reply.locations) == 0)
        self.assertGreater(reply.width * reply.height, 0)
        self.assertTrue(reply.locations)
        for found in reply.locations:
            self.assertEqual(found.page, 1)
            self.assertNotEqual(found.HasField("box"), found.HasField("point"))
            if found.HasField("box"):
                self.assertTrue(0 <= found.box.x0 <= found.box.x1 <= reply.width and 0 <= found.box.y0 <= found.box.y1 <= reply.height)
        told = self.run_program("call", "127.0.0.1:%d" % self.server().port, "-m", "Locate", "-q", "the title", "--max-tokens", "4000", os.path.join(MODEL, "pages", "p1.png"), code=e2e.OK)
        here = self.run_program("locate", "--json", "--model", MODEL, "-q", "the title", "--max-tokens", "4000", os.path.join(MODEL, "pages", "p1.png"), code=e2e.OK)
        self.assertEqual(json.loads(here.out), json.loads(told.out))
        self.fails(BAD, self.locate, page=2)
        self.fails(BAD, self.locate, page=-1)

    def test_bad_requests(self):
        for fields, field in ((dict(content=b""), "content"), (dict(question=""), "question"), (dict(max_tokens=-1), "max_tokens"), (dict(max_tokens=100001), "max_tokens"),
                              (dict(pages=[pb.PageRange(first=0)]), "pages"), (dict(question="x" * 65537), "question")):
            _, found = rich(self.fails(BAD, self.ask, **fields))
            self.assertEqual(found["BadRequest"].field_violations[0].field, field)
        self.fails(BAD, self.ask, content=b"no document")
        self.fails(BAD, self.ask, pages=[pb.PageRange(first=2)])
        # More pages than fit, and more tokens than the cache holds: refused with the reason, never cut.
        many = self.write("many.pdf", e2e.pdf([["page %d" % i] for i in range(40)]))
        with open(many, "rb") as f:
            error = self.fails(BAD, self.ask, content=f.read())
        self.assertEqual(rich(error)[1]["ErrorInfo"].reason, "LIMIT")
        raw = self.server().channel.unary_unary(PARSER + "Ask")
        self.fails(BAD, raw, b"\xff" * 20, timeout=20)
        self.idle()

    def test_cache_budget(self):
        server = Server(self, "--model", MODEL, "--model-cache", "1M", "--model-sessions", "2")
        error = self.fails(BAD, self.ask, server, max_tokens=100000)
        self.assertEqual(rich(error)[1]["ErrorInfo"].reason, "LIMIT")

    def test_without_the_model(self):
        server = Server(self)
        for name, request in (("Ask", pb.AskRequest), ("Extract", pb.ExtractRequest), ("Locate", pb.LocateRequest)):
            _, found = rich(self.fails(grpc.StatusCode.UNIMPLEMENTED, server.unary, PARSER + name, request(), pb.AskResponse))
            self.assertEqual(found["ErrorInfo"].reason, "NO_LARGE_MODEL")
            self.assertIn("--model", {m.key: m.value for m in found["ErrorInfo"].metadata}["advice"])
        _, found = rich(self.fails(grpc.StatusCode.UNIMPLEMENTED, server.parse, sample("form.pdf"), options=pb.ParseOptions(reader=pb.READER_LARGE)))
        self.assertEqual(found["ErrorInfo"].reason, "NO_LARGE_MODEL")
        self.assertIn("options.reader", [v.field for v in found["BadRequest"].field_violations])
        _, found = rich(self.fails(BAD, server.parse, sample("form.pdf"), options=pb.ParseOptions(reader=7)))
        self.run_program("serve", "--listen", "127.0.0.1:0", "--model", self.folder, code=e2e.SETUP)

    def test_stops_while_it_answers(self):
        server = Server(self, "--model", MODEL, "--grace", "0")
        call = server.channel.unary_stream(PARSER + "AskStream", request_serializer=pb.AskRequest.SerializeToString, response_deserializer=pb.AskEvent.FromString)
        events = call(pb.AskRequest(content=page("p2.png"), question="QwenVL HTML"), timeout=e2e.PATIENCE)
        next(events)
        code, err = server.stop()
        self.assertEqual(code, 0, err)


if __name__ == "__main__":
    if not os.path.exists(os.path.join(MODEL, "expected.json")):
        print("SKIP: no golden data in %s" % MODEL)
        sys.exit(77)
    unittest.main(verbosity=1)
