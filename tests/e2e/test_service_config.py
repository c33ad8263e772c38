# SPDX-License-Identifier: Apache-2.0
"""`docparse serve --config`: every key, mistakes named by line, reload on SIGHUP."""
import os, re, signal, time

import e2e
from e2e import SOURCE, main
from service import PARSER, Server, ServiceCase, grpc, pb, sample

SAMPLE = os.path.join(SOURCE, "deploy", "docparse.conf.sample")


class Config(ServiceCase):
    def check(self, text, code=e2e.OK, *flags):
        return self.run_program("serve", "--config", self.write("docparse.conf", text), "--check-config", *flags, code=code)

    def keys(self):
        """Names and defaults of all keys, by the help."""
        text = re.sub(r"\n {20,}", " ", self.run_program("serve", "--help", code=e2e.OK).out)
        found = {}
        for name, rest in re.findall(r"^ +(?:-\w, )?--([a-z-]+)[^ ]*(.*)$", text, re.M):
            default = re.search(r"\(default ([^()$]+)\)$", rest)
            found[name] = default.group(1) if default else None
        for other in ("config", "check-config", "help"):
            del found[other]
        return found

    def test_sample_names_every_key_and_its_default(self):
        with open(SAMPLE, encoding="utf-8") as f:
            text = f.read()
        self.assertIn("fine", self.check(text).out)
        given = dict(re.findall(r"^([a-z-]+) = (.*)$", text, re.M))
        named = set(re.findall(r"^(?:# )?([a-z-]+) = ", text, re.M))
        keys = self.keys()
        self.assertEqual(named, set(keys))
        for key, default in keys.items():
            if default is not None:
                self.assertEqual(given.get(key), default, key)
            else:
                self.assertIn(given.get(key, "no"), ("no",), "%s has no default: its line belongs behind a #" % key)

    def test_formulas_are_those_of_the_command_line(self):
        self.out = self.at("out")
        self.convert(os.path.join(e2e.SAMPLES, "paper.pdf"), "-f", "json", "--text-layer", "off", "--formulas", "on", "--pages", "1", "--progress", "none")
        with open(os.path.join(self.out, "paper.json"), "rb") as f:
            expected = f.read()
        server = Server(self, "--config", self.write("docparse.conf", "formulas = on\n"))
        options = pb.ParseOptions(text_layer=pb.TEXT_LAYER_USE_OFF, pages=[pb.PageRange(first=1, last=1)], output=pb.OutputOptions(formats=["json"]))
        got = server.parse(sample("paper.pdf"), options=options, fields=dict(name="paper.pdf"))
        self.assertEqual(got.rendered[0].content, expected)
        self.assertIn(b'"latex":"', expected)
        self.assertIn("config.json", self.run_program("serve", "--listen", "127.0.0.1:0", "--formulas", self.at("nothing"), code=e2e.SETUP).err)

    def test_mistakes_are_named(self):
        for text, words in (("queue = 64\nqueu = 3\n", ("line 2", "queu", "did you mean 'queue'")), ("queue = many\n", ("line 1", "0 to 100000")),
                            ("\n\nqueue\n", ("line 3", "KEY = VALUE")), ("queue=1\nqueue=2\n", ("line 2", "line 1")), ("reflection = maybe\n", ("yes or no",)),
                            ("log-level = loud\n", ("debug",)), ("queue-bytes = 3X\n", ("line 1", "K, M, G")), ("queue-bytes = 99999999999T\n", ("line 1",)),
                            ("tls-cert = x.pem\n", ("belong together",)), ("a\0b", ("no text",)), ("listen =\n", ("listen",))):
            said = self.check(text, e2e.USAGE).err
            for word in words:
                self.assertIn(word, said, text)
        self.run_program("serve", "--config", self.at("absent"), "--check-config", code=e2e.USAGE)
        self.assertIn("token", self.check("token-file = %s\n" % self.write("t", "x y\n"), e2e.SETUP).err)
        self.assertIn("TLS", self.check("listen = 0.0.0.0:1\n", e2e.SETUP).err)
        self.check("listen = 0.0.0.0:1\n", e2e.OK, "--insecure")
        self.check("queue = 3\r\n  reflection =  yes \n# a comment = x\n")

    def capacity(self, server, **kw):
        return server.unary(PARSER + "GetCapacity", pb.GetCapacityRequest(), pb.Capacity, **kw)

    def reload(self, server, text, done):
        """Writes the file, sends SIGHUP, waits until done() holds; returns nothing."""
        self.write("docparse.conf", text)
        server.process.send_signal(signal.SIGHUP)
        deadline = time.time() + e2e.PATIENCE
        while not done():
            self.assertLess(time.time(), deadline, "the reload did not happen")
            time.sleep(0.05)

    def test_reload(self):
        tokens = self.write("tokens", "alice 0123456789abcdef0123\n")
        text = "workers = 1\nqueue = 5\nqueue-bytes = 64M\ntoken-file = %s\n" % tokens
        server = Server(self, "--config", self.write("docparse.conf", text), "--grace", "7")
        alice, bob = ((("authorization", "Bearer " + t),) for t in ("0123456789abcdef0123", "fedcba9876543210fedcba"))
        self.assertEqual(self.capacity(server, metadata=alice).queue_limit, 5)
        # A mistake changes nothing, not even what stands above it.
        self.write("docparse.conf", text.replace("queue = 5", "queue = 9") + "max-pages = 0\n")
        server.process.send_signal(signal.SIGHUP)
        server.wait_said("stays as it was")
        self.assertEqual(self.capacity(server, metadata=alice).queue_limit, 5)
        # Limits, tokens from another file; the number of workers stays.
        other = self.write("other", "bob fedcba9876543210fedcba\n")

        def taken():
            try:
                return self.capacity(server, metadata=bob).queue_limit == 9
            except grpc.RpcError:
                return False

        self.reload(server, "workers = 2\nqueue = 9\nqueue-bytes = 1M\nmax-document = 2000\nmax-pages = 3\ntoken-file = %s\n" % other, taken)
        self.assertEqual(self.fails(grpc.StatusCode.UNAUTHENTICATED, self.capacity, server, metadata=alice).code(), grpc.StatusCode.UNAUTHENTICATED)
        capacity = self.capacity(server, metadata=bob)
        self.assertEqual((capacity.workers, capacity.bytes_limit), (1, 1 << 20))
        info = server.unary(PARSER + "GetServerInfo", pb.GetServerInfoRequest(), pb.ServerInfo, metadata=bob)
        self.assertEqual((info.max_document_bytes, info.max_pages), (2000, 3))
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, server.parse, b"%PDF" + b"x" * 3000, metadata=bob)
        code, err = server.stop()
        self.assertEqual(code, 0, err)
        for words in (("stays as it was", "max-pages", "line 5"), ("queue: 9 instead of 5",), ("workers: 2 instead of 1", "restart"), ("6 keys changed",)):
            self.assertTrue(any(all(w in line for w in words) for line in err.splitlines()), "%s not in\n%s" % (words, err))
        self.assertNotIn("grace", err)


if __name__ == "__main__":
    main()
