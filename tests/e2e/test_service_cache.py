# SPDX-License-Identifier: Apache-2.0
"""`docparse serve --cache-dir`: the same document is read once, and never for the wrong client, options, name or limits."""
import http.client, os, re, time

import grpc

import e2e
from e2e import main
from service import Server, ServiceCase, chunks, doc, jobs, pb, sample

TOKENS = "alice 0123456789abcdef0123\nbob fedcba9876543210fedcba\n"
ALICE, BOB = ((("authorization", "Bearer " + t),) for t in ("0123456789abcdef0123", "fedcba9876543210fedcba"))


class Cache(ServiceCase):
    def start(self, *flags):
        return Server(self, "--cache-dir", self.at("cache"), "--metrics", "127.0.0.1:0", *flags)

    def numbers(self, server):
        connection = http.client.HTTPConnection("127.0.0.1", server.metrics, timeout=e2e.PATIENCE)
        self.addCleanup(connection.close)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        found = dict(re.findall(r'^docparse_cache_(\S+) (\d+)$', text, re.M))
        return {k.replace('lookups_total{result="', "").replace('"}', ""): int(v) for k, v in found.items()}

    def hits(self, server):
        return self.numbers(server)["hit"]

    def options(self, **kw):
        return pb.ParseOptions(output=pb.OutputOptions(formats=["md", "xlsx"]), **kw)

    def test_same_document_is_read_once(self):
        server, fields = self.start("--workers", "1"), dict(name="report.pdf")
        first = server.parse(sample("report.pdf"), options=self.options(), fields=fields)
        again = server.parse(sample("report.pdf"), options=self.options(priority=pb.PRIORITY_BULK), fields=fields)
        self.assertEqual(again, first)
        events = list(server.stream(chunks(sample("report.pdf"), name="report.pdf", options=self.options())))
        self.assertEqual([e.page for e in events if e.HasField("page")], list(first.document.pages))
        self.assertEqual((events[0].opened.info, events[0].opened.pages_to_read), (first.document.info, 2))
        self.assertEqual((events[-1].finished.status, events[-1].finished.pages_ok, list(events[-1].finished.rendered)), (doc.STATUS_OK, 2, list(first.rendered)))
        n = self.numbers(server)
        self.assertEqual((n["hit"], n["miss"], n["entries"], n["storing"], n["damaged_total"]), (2, 1, 1, 1, 0))
        self.assertGreater(n["bytes"], 1000)
        self.assertEqual(server.stop()[0], 0)
        # Another start, after a kill -9 as well.
        for _ in range(2):
            server = self.start()
            self.assertEqual(server.parse(sample("report.pdf"), options=self.options(), fields=fields), first)
            self.assertEqual(self.hits(server), 1)
            server.process.kill()
            server.kill()

    def test_jobs_share_it(self):
        """What a call has read is a job's result without reading, and the other way round; a job keeps what it was told."""
        server = self.start("--state-dir", self.at("state"), "--workers", "1")
        first = server.parse(sample("report.pdf"), options=self.options(), fields=dict(name="report.pdf"))
        job = server.submit("report.pdf", options=self.options())
        self.assertEqual(list(server.watch_job(job.id))[-1].state, jobs.JOB_STATE_SUCCEEDED)
        got = server.result(job.id)
        self.assertEqual((got.result, got.job.status, got.job.pages_done, got.job.pages_to_read), (first, doc.STATUS_OK, 2, 2))
        self.assertEqual(self.hits(server), 1)
        job = server.submit("form.pdf")
        list(server.watch_job(job.id))
        read = server.parse(sample("form.pdf"), fields=dict(name="form.pdf"))
        self.assertEqual((self.hits(server), self.numbers(server)["entries"]), (2, 2))
        self.assertEqual(server.result(job.id).result, read)

    def test_rest_of_a_job_is_no_result(self):
        """A job that is taken up in the middle reads the other pages only: not what a call for the document wants."""
        server = self.start("--state-dir", self.at("state"), "--workers", "1")
        job = server.submit("scan.tif")
        while server.result(job.id).job.pages_done == 0:
            time.sleep(0.05)
        server.process.kill()
        server.kill()
        server = self.start("--state-dir", self.at("state"), "--workers", "1")
        self.assertEqual(list(server.watch_job(job.id))[-1].pages_done, 3)
        self.assertEqual(self.numbers(server)["entries"], 0)

    def test_what_makes_another_result(self):
        server, content = self.start(), sample("form.pdf")
        self.assertEqual(server.parse(content, fields=dict(name="a.pdf")).document.status, doc.STATUS_OK)
        for kw in (dict(fields=dict(name="b.pdf")), dict(fields=dict(name="a.pdf"), options=pb.ParseOptions(dpi=150)),
                   dict(fields=dict(name="a.pdf"), options=pb.ParseOptions(text_layer=pb.TEXT_LAYER_USE_OFF)),
                   dict(fields=dict(name="a.pdf"), options=pb.ParseOptions(output=pb.OutputOptions(omit_words=True)))):
            server.parse(content, **kw)
        self.assertEqual((self.hits(server), self.numbers(server)["entries"]), (0, 5))
        server.parse(content, fields=dict(name="a.pdf"), options=pb.ParseOptions())
        self.assertEqual(self.hits(server), 1)
        # A wrong digest is refused although the result is there.
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, server.parse, content, fields=dict(name="a.pdf", sha256="0" * 64))
        self.assertEqual(server.stop()[0], 0)
        server = self.start("--max-pixels", "100000")
        server.parse(content, fields=dict(name="a.pdf"))
        self.assertEqual(self.hits(server), 0)

    def test_failures_and_secrets_are_not_kept(self):
        server = self.start()
        secret = e2e.pdf([["Hello", "World"]], encrypt="secret")
        for _ in range(2):
            self.fails(grpc.StatusCode.INVALID_ARGUMENT, server.parse, b"no document")
            self.assertEqual(server.parse(secret, options=pb.ParseOptions(password="secret")).document.status, doc.STATUS_OK)
        self.assertEqual((self.hits(server), self.numbers(server)["entries"]), (0, 0))

    def test_clients_are_kept_apart(self):
        tokens = self.write("tokens", TOKENS)
        for shared, hits in (((), 1), (("--cache-shared",), 2)):
            server = self.start("--token-file", tokens, *shared)
            for who in (ALICE, ALICE, BOB):
                server.parse(sample("form.pdf"), metadata=who)
            self.assertEqual(self.hits(server), hits)
            server.stop()

    def test_damage_and_a_second_server(self):
        server = self.start()
        first = server.parse(sample("form.pdf"))
        path = next(os.path.join(d, n) for d, _, names in os.walk(self.at("cache", "results")) for n in names)
        self.assertEqual(os.stat(os.path.dirname(path)).st_mode & 0o077, 0, "others can read results")
        with open(path, "r+b") as f:
            f.seek(500)
            f.write(b"\xff\x00\xff")
        self.assertEqual(server.parse(sample("form.pdf")), first)
        self.assertEqual((self.hits(server), self.numbers(server)["damaged_total"], self.numbers(server)["entries"]), (0, 1, 1))
        self.assertEqual(server.parse(sample("form.pdf")), first)
        self.assertEqual(self.hits(server), 1)
        second = self.run_program("serve", "--listen", "127.0.0.1:0", "--cache-dir", self.at("cache"), code=e2e.SETUP)
        self.assertIn("another server", second.err)
        server.stop()

    def test_full_disk_only_stops_keeping(self):
        shim = os.environ.get("DP_ENOSPC_SHIM", "")
        if not os.path.exists(shim) or e2e.QUICK:
            self.skipTest("needs the full-disk shim, which sanitizers cannot be loaded with")
        env = dict(os.environ, LD_PRELOAD=shim, DP_DISK_BELOW=self.at("cache"), DP_DISK_BYTES="2000")
        server = Server(self, "--cache-dir", self.at("cache"), "--metrics", "127.0.0.1:0", env=env)
        for _ in range(2):
            self.assertEqual(server.parse(sample("form.pdf")).document.status, doc.STATUS_OK)
        n = self.numbers(server)
        self.assertEqual((n["hit"], n["entries"], n["write_failures_total"], n["storing"]), (0, 0, 1, 0))
        self.assertEqual([n for _, _, names in os.walk(self.at("cache", "results")) for n in names], [])
        code, err = server.stop()
        self.assertEqual(code, 0)
        self.assertIn("results are not kept for a minute", err)


if __name__ == "__main__":
    main()
