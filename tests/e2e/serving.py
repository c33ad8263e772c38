# SPDX-License-Identifier: Apache-2.0
"""A running `docparse serve` for tests that speak to it over HTTP or not at all; test_service.py has the gRPC side."""
import http.client, os, re, signal, subprocess, tempfile, time

import e2e
from e2e import PATIENCE, SLOW_PAGES

CALLS = "docparse_running"


class Serving:
    """Starts the server and reads the ports that it prints; ended by the case."""

    def __init__(self, case, *args, env=None, wrap=(), before=None, stderr=None):
        self.log = open(stderr, "w+b") if stderr else tempfile.TemporaryFile()  # a pipe that nobody reads would stop a server that says much
        case.addCleanup(self.log.close)
        self.process = subprocess.Popen([*wrap, e2e.PROGRAM, "serve", "--listen", "127.0.0.1:0", *SLOW_PAGES, *args], stdout=subprocess.PIPE, stderr=self.log,
                                        env=env, preexec_fn=before)
        case.addCleanup(self.kill)
        self.ports = {}
        while "serving" not in self.ports:
            line = self.process.stdout.readline().decode()
            port = re.match(r"(metrics|page|serving) on \S*?(?:, port |:)(\d+)/?$", line)
            if not port:
                raise AssertionError("the server did not start: %r %s" % (line, self.said()[-2000:]))
            self.ports[port.group(1)] = int(port.group(2))
        self.port = self.ports["serving"]

    def said(self):
        file = self.log.fileno()  # its place is the server's
        return os.pread(file, os.fstat(file).st_size, 0).decode("utf-8", "replace")

    def get(self, which, path, method="GET", body=None, headers=None, timeout=PATIENCE):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[which], timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.read(), reply.headers
        finally:
            connection.close()

    def metric(self, name):
        """One number of /metrics, by its name with its labels; 0 when it is not there yet."""
        text = self.get("metrics", "/metrics")[1].decode()
        found = re.search(r"^%s (\S+)$" % re.escape(name), text, re.M)
        return float(found.group(1)) if found else 0.0

    def wait_metric(self, name, value, seconds=PATIENCE):
        until = time.time() + seconds
        while self.metric(name) != value:
            if time.time() > until:
                raise AssertionError("%s is %s, not %s, after %s s" % (name, self.metric(name), value, seconds))
            time.sleep(0.02)

    def stop(self, seconds=PATIENCE):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(seconds)
        return self.process.returncode, self.said()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
