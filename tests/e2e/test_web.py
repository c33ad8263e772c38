# SPDX-License-Identifier: Apache-2.0
"""The page of `docparse serve --web`: its HTTP interface from hostile and friendly clients, and itself in headless Chromium where there is one."""
import base64, errno, json, os, re, socket, threading, time, unittest

import chromium
from e2e import PATIENCE, SAMPLES, SOURCE, Case, main, pdf
from serving import Serving

HEAD_SECONDS = 15  # HEAD_NS of service/rpc/web.c


def sample(name):
    with open(os.path.join(SAMPLES, name), "rb") as f:
        return f.read()


def form(*parts, boundary="----x", end=True):
    """multipart/form-data of (name, file name or None, content)."""
    out = b""
    for name, file_name, content in parts:
        out += ('--%s\r\nContent-Disposition: form-data; name="%s"' % (boundary, name)).encode()
        out += ('; filename="%s"\r\nContent-Type: application/octet-stream' % file_name).encode() if file_name is not None else b""
        out += b"\r\n\r\n" + (content if isinstance(content, bytes) else content.encode()) + b"\r\n"
    return out + (("--%s--\r\n" % boundary).encode() if end else b"")


TYPE = {"Content-Type": "multipart/form-data; boundary=----x"}


class Keeper(Case):
    def runTest(self):
        pass


class Http(Case):
    shared = None

    @classmethod
    def setUpClass(cls):
        cls.keeper = Keeper()
        cls.shared = Serving(cls.keeper, "--web", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--web-host", "docs.example.org")
        # For test_slow_heads: one says nothing, one says a letter a second.
        cls.slow = [socket.create_connection(("127.0.0.1", cls.shared.ports["page"]), timeout=PATIENCE) for _ in range(2)]
        cls.slow_since = time.time()

    @classmethod
    def tearDownClass(cls):
        for s in cls.slow:
            s.close()
        cls.keeper.doCleanups()

    def post(self, body, headers=None, server=None, **kw):
        status, data, got = (server or self.shared).get("page", "/api/parse", "POST", body, {**TYPE, **(headers or {})}, **kw)
        if status == 200:
            return [json.loads(line) for line in data.splitlines()]
        error = json.loads(data)["error"]
        return status, error["reason"], error, got

    def refused(self, status, reason, body, headers=None):
        got = self.post(body, headers)
        self.assertIsInstance(got, tuple, got)
        self.assertEqual(got[:2], (status, reason), got[2])
        self.assertTrue(got[2]["message"])
        return got

    def test_files_of_the_page(self):
        for path, kind in (("/", "text/html"), ("/app.js", "text/javascript"), ("/sanitise.js", "text/javascript"), ("/sheet.js", "text/javascript"),
                           ("/upload.js", "text/javascript"), ("/app.css", "text/css"), ("/icon.svg", "image/svg+xml")):
            status, data, headers = self.shared.get("page", path)
            self.assertEqual((status, headers["Content-Type"].split(";")[0]), (200, kind), path)
            name = "index.html" if path == "/" else path[1:]
            with open(os.path.join(SOURCE, "service", "rpc", "web", name), "rb") as f:
                self.assertEqual(data, f.read(), path)
            policy = headers["Content-Security-Policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertEqual((headers["X-Content-Type-Options"], headers["Referrer-Policy"], headers["Cache-Control"]), ("nosniff", "no-referrer", "no-store"))
        # Nothing is loaded from elsewhere and nothing is written inline.
        page = self.shared.get("page", "/")[1].decode()
        self.assertEqual(re.findall(r"<script(?![^>]*\bsrc=)|\bon[a-z]+=|\bstyle=|<style|https?://(?!www\.w3\.org)", page), [])
        self.assertEqual(self.shared.get("page", "/", "HEAD")[0], 200)
        told = json.loads(self.shared.get("page", "/api/info")[1])
        self.assertEqual((told["token"], told["max_bytes"]), (False, 64 << 20))
        self.assertIn("searchable", [f["extension"] for f in told["formats"] if f["name"] == "pdf"][0])

    def raw(self, data, seconds=PATIENCE):
        with socket.create_connection(("127.0.0.1", self.shared.ports["page"]), timeout=seconds) as s:
            s.sendall(data)
            out = b""
            try:
                while True:
                    piece = s.recv(65536)
                    if not piece:
                        return out
                    out += piece
            except ConnectionResetError:
                return out

    def test_paths_lead_nowhere_else(self):
        for path in ("/../etc/passwd", "/..%2f..%2fetc%2fpasswd", "//etc/passwd", "/web/app.js", "/app.js/", "/.", "/%00", "/app.js%00.css", "/api", "/index.html/../../x"):
            reply = self.raw(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path.encode())
            self.assertIn(b"404", reply.split(b"\r\n")[0], path)
            self.assertNotIn(b"root:", reply)
        for method, path in (("PUT", "/"), ("DELETE", "/app.js"), ("OPTIONS", "/api/parse"), ("POST", "/"), ("GET", "/api/parse"), ("TRACE", "/")):
            self.assertEqual(self.shared.get("page", path, method)[0], 405, (method, path))

    def test_a_document(self):
        content = sample("report.pdf")
        events = self.post(form(("formats", None, "html,md,json,text,xlsx,pdf"), ("file", "report.pdf", content)))
        kinds = [e["event"] for e in events if e["event"] not in ("waiting", "working")]
        self.assertEqual(kinds, ["opened", "page", "page", "finished"])
        self.assertEqual((events[-1]["status"], events[-1]["pages_ok"], events[-1]["missing"]), ("ok", 2, {}))
        self.convert(os.path.join(SAMPLES, "report.pdf"), "-f", "html,md,json,text,jsonl")
        for name, file in (("html", "report.html"), ("md", "report.md"), ("json", "report.json"), ("text", "report.txt")):
            whole = "".join(e.get("parts", {}).get(name, "") for e in events)
            self.assertEqual(whole.encode(), self.bytes_of(file), "the page's %s is not the command line's" % name)
        pages = [e["page"] for e in events if e["event"] == "page"]
        lines = [json.loads(l) for l in self.bytes_of("report.jsonl").splitlines()]
        self.assertEqual(pages, [l for l in lines if l["record"] == "page"])
        for e in events:
            if e["event"] == "page":
                self.assertRegex(e["picture"][:40], r"^data:image/(png|jpeg);base64,")
        self.assertTrue(base64.b64decode(events[-1]["binary"]["pdf"]).startswith(b"%PDF"))
        self.assertTrue(base64.b64decode(events[-1]["binary"]["xlsx"]).startswith(b"PK"))

    def test_options(self):
        content = sample("report.pdf")
        for pages, expected in (("2", [2]), ("2-", [2]), ("1-1, 2", [1, 2]), ("1-9", [1, 2]), ("", [1, 2])):
            events = self.post(form(("pages", None, pages), ("file", "r.pdf", content), ("formats", None, "text")))
            self.assertEqual([e["page"]["number"] for e in events if e["event"] == "page"], expected, pages)
        events = self.post(form(("file", "f.pdf", sample("form.pdf")), ("text_layer", None, "off")))
        self.assertEqual({b["source"] for e in events if e["event"] == "page" for b in e["page"]["blocks"] if b["text"]}, {"compact"})
        locked = pdf([["secret words"]], encrypt="pw")
        self.assertEqual(self.post(form(("file", "l.pdf", locked)))[-1]["error"]["reason"], "PASSWORD")
        self.assertEqual(self.post(form(("password", None, "pw"), ("file", "l.pdf", locked)))[-1]["status"], "ok")

    def test_unreadable_documents(self):
        for content, reason in ((b"no document", "UNSUPPORTED"), (b"%PDF-1.4 broken", "FORMAT"), (sample("scan.tif")[:300], "FORMAT")):
            last = self.post(form(("file", "<b>\xff.pdf", content)))[-1]
            self.assertEqual((last["event"], last["error"]["reason"]), ("error", reason), last)

    def test_refused_requests(self):
        page = sample("form.pdf")
        fine = form(("file", "f.pdf", page))
        self.refused(415, "MEDIA_TYPE", page, {"Content-Type": "application/pdf"})
        self.refused(400, "FORMAT", fine, {"Content-Type": "multipart/form-data"})
        self.refused(400, "FORMAT", form(("file", "f.pdf", page), end=False))
        self.refused(400, "ARGUMENT", b"no form at all " * 100)
        self.refused(400, "ARGUMENT", form(("text_layer", None, "off")))
        self.refused(400, "ARGUMENT", form(("file", "f.pdf", b"")))
        self.refused(400, "ARGUMENT", form(("file", "a.pdf", page), ("file", "b.pdf", page)))
        self.refused(400, "ARGUMENT", form(("file", "a.pdf", page), ("colour", None, "red")))
        self.refused(400, "ARGUMENT", form(("file", "a.pdf", page), ("password", None, "x" * 5000)))
        for key, value in (("pages", "0"), ("pages", "3-1"), ("pages", "x"), ("pages", "1,,"), ("pages", ",".join("1" * 100)), ("pages", "99999999999999999999"),
                           ("formats", "docx"), ("formats", "csv"), ("formats", "md,md"), ("formats", ","), ("text_layer", "maybe")):
            self.refused(400, "ARGUMENT", form((key, None, value), ("file", "a.pdf", page)))

    def test_oversize(self):
        head = b"POST /api/parse HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        for length in (b"70000000", b"99999999999999999999999", b"-5", b"12x"):
            reply = self.raw(head + b"Content-Length: " + length + b"\r\nConnection: close\r\n\r\n")
            self.assertRegex(reply.split(b"\r\n")[0], rb"4\d\d", length)
        # Without a length: cut at the bound, and nothing stays held.
        with socket.create_connection(("127.0.0.1", self.shared.ports["page"]), timeout=PATIENCE) as s:
            s.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
            part, sent = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n', 0
            try:
                while sent < 80 << 20:
                    s.sendall(b"%x\r\n%s\r\n" % (len(part), part))
                    sent += len(part)
                    part = b"y" * (1 << 20)
                reply = s.recv(4096)
            except (ConnectionResetError, BrokenPipeError):
                reply = b""
        self.assertTrue(not reply or b" 413 " in reply.split(b"\r\n")[0], reply[:200])
        self.shared.wait_metric("docparse_bytes_held", 0)

    def test_requests_of_other_pages(self):
        fine = form(("file", "f.pdf", sample("form.pdf")), ("formats", None, "text"))
        port = self.shared.ports["page"]
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://127.0.0.1:%d.evil.example" % port}):
            self.refused(403, "ORIGIN", fine, headers)
        for host in ("evil.example", "evil.example:%d" % port, "127.0.0.1.evil.example", "", "[::1", "localhost:x"):
            self.assertEqual(self.shared.get("page", "/", headers={"Host": host})[0] // 100, 4, host)
            self.refused(403, "HOST", fine, {"Host": host}) if host else None
        for headers in ({"Origin": "http://127.0.0.1:%d" % port, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"},
                        {"Host": "docs.example.org", "Origin": "https://docs.example.org"}, {"Host": "LOCALHOST:%d" % port}):
            self.assertEqual(self.post(fine, headers)[-1]["event"], "finished", headers)

    def test_malformed_http(self):
        for data in (b"\r\n\r\n", b"\x16\x03\x01\x02\x00" * 20 + b"\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                     b"POST /api/parse HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
            with socket.create_connection(("127.0.0.1", self.shared.ports["page"]), timeout=PATIENCE) as s:
                try:
                    s.sendall(data)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(65536):
                        pass
                except OSError as e:  # a server that has already hung up shows as any of these, by which call comes first
                    self.assertIn(e.errno, (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN))
        self.assertEqual(self.shared.get("page", "/")[0], 200)

    def test_vanishing_clients_free_the_worker(self):
        body = form(("file", "scan.tif", sample("scan.tif")))
        head = ("POST /api/parse HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (TYPE["Content-Type"], len(body))).encode()
        whole = socket.create_connection(("127.0.0.1", self.shared.ports["page"]), timeout=PATIENCE)
        whole.sendall(head + body)
        self.assertIn(b"200", whole.recv(4096))
        half = socket.create_connection(("127.0.0.1", self.shared.ports["page"]), timeout=PATIENCE)
        half.sendall(head + body[:1000])
        self.shared.wait_metric("docparse_running", 1)
        whole.close()
        half.close()
        self.shared.wait_metric("docparse_running", 0)
        self.shared.wait_metric("docparse_bytes_held", 0)

    def test_slow_heads(self):
        """Clients that do not say what they want are cut off (they were connected when the class began)."""
        self.slow[1].settimeout(1)
        ended, until = False, max(self.slow_since + HEAD_SECONDS, time.time()) + PATIENCE
        while time.time() < until and not ended:
            try:
                self.slow[1].sendall(b"G")
                ended = self.slow[1].recv(100) == b""
            except socket.timeout:
                pass
            except (ConnectionResetError, BrokenPipeError):
                ended = True
        self.assertTrue(ended)
        self.slow[0].settimeout(PATIENCE)
        try:
            self.assertEqual(self.slow[0].recv(100), b"")
        except ConnectionResetError:
            pass

    def test_full_queue(self):
        server = Serving(self, "--web", "127.0.0.1:0", "--workers", "1", "--queue", "1")
        got = []
        threads = [threading.Thread(target=lambda: got.append(self.post(form(("file", "p", sample("photo.jpg"))), server=server))) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        busy = [g for g in got if isinstance(g, tuple)]
        self.assertTrue(busy)
        for status, reason, error, headers in busy:
            self.assertEqual((status, reason), (429, "QUEUE_FULL"))
            self.assertGreater(error["retry_ms"], 0)
            self.assertGreaterEqual(int(headers["Retry-After"]), 1)
        self.assertEqual([g[-1]["status"] for g in got if not isinstance(g, tuple)], ["ok"] * (6 - len(busy)))

    def test_tokens(self):
        server = Serving(self, "--web", "127.0.0.1:0", "--token-file", self.write("tokens", "alice 0123456789abcdef0123\n"))
        body = form(("file", "f.pdf", sample("form.pdf")), ("formats", None, "text"))
        self.assertTrue(json.loads(server.get("page", "/api/info")[1])["token"])
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic 0123456789abcdef0123"}):
            self.assertEqual(self.post(body, headers, server)[:2], (401, "UNAUTHENTICATED"))
        self.assertEqual(self.post(body, {"Authorization": "Bearer 0123456789abcdef0123"}, server)[-1]["event"], "finished")

    def test_stops_gracefully(self):
        server = Serving(self, "--web", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--grace", str(PATIENCE))
        got = []
        thread = threading.Thread(target=lambda: got.append(self.post(form(("file", "c", sample("chinese.png"))), server=server, timeout=2 * PATIENCE)))
        thread.start()
        server.wait_metric("docparse_running", 1)
        code, err = server.stop(2 * PATIENCE)
        thread.join()
        self.assertEqual(code, 0, err)
        self.assertEqual(got[0][-1]["event"], "finished")

    def test_stops_in_time_with_a_stuck_client(self):
        server = Serving(self, "--web", "127.0.0.1:0", "--grace", "0")
        body = form(("file", "scan.tif", sample("scan.tif")))
        with socket.create_connection(("127.0.0.1", server.ports["page"]), timeout=PATIENCE) as s:
            s.sendall(b"POST /api/parse HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (TYPE["Content-Type"].encode(), len(body)) + body)
            self.assertIn(b"200", s.recv(4096))
            code, err = server.stop()
        self.assertEqual(code, 0, err)

    def test_refuses_to_be_reached_from_outside(self):
        result = self.run_program("serve", "--listen", "127.0.0.1:0", "--web", "0.0.0.0:0", code=3)
        self.assertIn("--insecure", result.err)
        self.assertIn("is no address", self.run_program("serve", "--listen", "127.0.0.1:0", "--web", "localhost", code=3).err)


@unittest.skipUnless(chromium.PROGRAM, "SKIP: no Chromium here: the page itself is not looked at")
class Page(Case):
    def browser(self, *args):
        server = Serving(self, "--web", "127.0.0.1:0", *args)
        browser = chromium.Chromium(seconds=2 * PATIENCE)
        self.addCleanup(browser.close)
        browser.go("http://127.0.0.1:%d/" % server.ports["page"])
        return server, browser

    def until(self, browser, state):
        browser.wait("document.body.dataset.state === '%s'" % state)

    def test_a_file_goes_in_and_its_pages_come_out(self):
        _, b = self.browser()
        b.upload("#file", os.path.join(SAMPLES, "report.pdf"))
        self.until(b, "done")
        told = b.run("""(() => { const box = document.querySelector('.box[data-type=table]'), r = box.getBoundingClientRect();
            return { sheets: document.querySelectorAll('.sheet img').length, boxes: document.querySelectorAll('.box').length, status: document.getElementById('status').textContent,
                     loaded: [...document.querySelectorAll('.sheet img')].every(i => i.naturalWidth > 600), numbers: [...document.querySelectorAll('.sheet:first-child .n')].map(n => n.textContent),
                     heading: document.querySelector('#panel-text h1').textContent, cells: document.querySelectorAll('#panel-text td').length, at: [r.x + r.width / 2, r.y + r.height / 2],
                     formats: [...document.querySelectorAll('#formats b')].map(b => b.textContent), wide: document.documentElement.scrollWidth <= innerWidth }; })()""")
        self.assertEqual((told["sheets"], told["loaded"], told["wide"]), (2, True, True))
        self.assertGreater(told["boxes"], 20)
        self.assertEqual(told["numbers"], [str(i + 1) for i in range(len(told["numbers"]))])
        self.assertIn("Water use", told["heading"])
        self.assertGreater(told["cells"], 15)
        self.assertIn("2 pages · 2 tables", told["status"])
        self.assertEqual(told["formats"], [".json", ".html", ".md", ".txt", ".xlsx", ".hocr", ".alto.xml", ".searchable.pdf"])
        # The pointer over a box: its tip, and its block on the other side.
        b.move(*told["at"])
        self.assertIn("table", b.run("document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent"))
        self.assertTrue(b.run("document.querySelector('#panel-text .hot') !== null"))
        # Keys: the next block, Markdown, JSON, boxes off, the next page.
        b.key("j")
        self.assertEqual(b.run("[document.querySelectorAll('.box.chosen').length, document.querySelectorAll('#panel-text .chosen').length]"), [1, 1])
        b.key("2")
        self.assertIn("# Water use", b.run("document.querySelector('#panel-md pre').textContent"))
        b.key("3")
        self.assertEqual(b.run("JSON.parse(document.querySelector('#panel-json pre').textContent).pages.length"), 2)
        b.key("b")
        self.assertEqual(b.run("getComputedStyle(document.querySelector('.box')).display"), "none")
        b.key("ArrowRight")
        b.wait("document.getElementById('page-number').textContent === '2 / 2'")
        # Narrow and dark: one thing at a time, nothing sticks out.
        b.size(390, 844)
        b.scheme("dark")
        self.assertEqual(b.run("""[getComputedStyle(document.getElementById('pane-page')).display, getComputedStyle(document.getElementById('views')).display,
            document.documentElement.scrollWidth <= innerWidth]"""), ["none", "flex", True])
        self.assertEqual(b.complaints(), [])

    def test_errors_passwords_and_hostile_text(self):
        _, b = self.browser()
        b.upload("#file", self.write("notes.txt", "just text"))
        self.until(b, "error")
        self.assertEqual(b.run("[document.getElementById('problem').hidden, document.getElementById('problem-code').textContent]"), [False, "UNSUPPORTED"])
        evil = "<img src=x onerror=alert(1)><script>window.hit = 1</script>"
        b.upload("#file", self.write("<i>evil.pdf", pdf([[evil, "plain words"]], encrypt="pw")))
        b.wait("document.getElementById('ask').open")
        b.run("document.getElementById('ask-value').value = 'pw'; document.querySelector('#ask button[value=ok]').click()")
        self.until(b, "done")
        self.assertEqual(b.run("""[typeof window.hit, document.querySelectorAll('#panel-text script, #panel-text img').length,
            document.getElementById('panel-text').textContent.includes('onerror=alert'), document.getElementById('name').textContent]"""),
                         ["undefined", 0, True, "<i>evil.pdf"])
        self.assertEqual(b.complaints(), [])
        kept = b.run("""import('/sanitise.js').then(m => { const d = document.createElement('div'); d.append(m.pageOf(
            '<section class="page" onclick="x()" style="position:fixed" id="cookie"><script>x()<\\/script><iframe src=/></iframe><a href="javascript:x()">link</a>' +
            '<img src="https://elsewhere.example/a.png" onerror=x()><svg><script>x()<\\/script></svg><p title="t">fine</p>' +
            '<math><mi>a</mi><maction actiontype=x>b</maction></math><form action=/><input name=q></form><object data=x></object></section>')); return d.innerHTML; })""")
        self.assertEqual(kept, '<section class="page" data-block="cookie"><img><p title="t">fine</p><math><mi>a</mi></math></section>')

    def test_token(self):
        _, b = self.browser("--token-file", self.write("tokens", "alice 0123456789abcdef0123\n"))
        b.upload("#file", os.path.join(SAMPLES, "form.pdf"))
        b.wait("document.getElementById('ask').open")
        b.run("document.getElementById('ask-value').value = '0123456789abcdef0123'; document.querySelector('#ask button[value=ok]').click()")
        self.until(b, "done")
        self.assertIn("LINDQVIST", b.run("document.getElementById('panel-text').textContent"))

    def test_cancelling(self):
        _, b = self.browser("--workers", "1")
        b.upload("#file", os.path.join(SAMPLES, "scan.tif"))
        b.wait("!document.getElementById('cancel').hidden")
        b.key("Escape")
        self.until(b, "empty")


if __name__ == "__main__":
    if not chromium.PROGRAM:
        print("SKIP: no Chromium here: the HTTP interface is tested, the page itself is not looked at")
    main()
