# SPDX-License-Identifier: Apache-2.0
"""`docparse call` against `docparse serve`."""
import os, subprocess

import e2e
from e2e import SAMPLES, main
from service import Server, ServiceCase


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
        self.run_program("call", "127.0.0.1:1", files[0], "--deadline", "5", code=1)
        self.run_program("call", code=2)

    def test_our_client_comes_back_when_told(self):
        server = Server(self, "--workers", "1", "--queue", "1")
        page = os.path.join(SAMPLES, "form.pdf")
        calls = [subprocess.Popen([e2e.PROGRAM, "call", "127.0.0.1:%d" % server.port, page, "-o", self.at("o%d" % i), "--retries", "100"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for i in range(6)]
        self.assertEqual([(c.communicate()[1], c.returncode)[1] for c in calls], [0] * 6)


if __name__ == "__main__":
    main()
