# SPDX-License-Identifier: Apache-2.0
"""The service with decoders in processes of their own: a decoder that is killed or hangs costs its page, and the call ends with a typed
result; the server goes on, and says in its metrics what happened."""
import os, signal, threading, time

import grpc

from e2e import PATIENCE, SAMPLES, SLOWER, main, pdf
from processes import children, cpu, decoders, slow_page
from service import PARSER, Server, ServiceCase, chunks, doc, pb, sample

SLOW = pdf([["first page"], slow_page(12000), ["third page"]])


class Sandboxed(ServiceCase):
    def start(self, *args):
        server = Server(self, "--metrics", "127.0.0.1:0", "--workers", "1", *args)
        info = server.unary(PARSER + "GetServerInfo", pb.GetServerInfoRequest(), pb.ServerInfo)
        if not info.sandbox.calls_filtered:
            self.skipTest("this system does not filter system calls")
        return server

    def number(self, server, name):
        import http.client
        connection = http.client.HTTPConnection("127.0.0.1", server.metrics, timeout=PATIENCE)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + " ")][0]

    def hurt(self, server, number, seconds=0.4):
        """Sends the signal to the decoder once it is in the middle of the slow page."""
        def watch():
            until = time.time() + PATIENCE
            while time.time() < until:
                for d in decoders(server.process.pid):
                    if cpu(d) >= seconds:
                        os.kill(d, number)
                        return
                time.sleep(0.02)
        thread = threading.Thread(target=watch)
        thread.start()
        self.addCleanup(thread.join)

    def statuses(self, reply):
        return [p.status for p in reply.document.pages]

    def test_decoder_killed(self):
        server = self.start()
        self.hurt(server, signal.SIGKILL)
        reply = server.parse(SLOW)
        self.assertEqual(self.statuses(reply), [doc.STATUS_OK, doc.STATUS_FAILED, doc.STATUS_OK])
        self.assertEqual(reply.document.status, doc.STATUS_PARTIAL)
        self.assertIn("was killed (signal 9)", reply.document.pages[1].problem.message)
        self.assertEqual(self.number(server, 'docparse_decoders_total{event="crashed"}'), 1)
        self.assertEqual(self.number(server, 'docparse_decoders_total{event="started"}'), 2)
        self.assertEqual(self.number(server, 'docparse_sandbox{layer="seccomp"}'), 1)
        self.assertEqual(self.statuses(server.parse(sample("invoice.pdf"))), [doc.STATUS_OK])
        self.assertEqual(decoders(server.process.pid), [])
        self.assertEqual(server.stop()[0], 0)
        self.assertEqual(children(server.process.pid), [])

    def test_decoder_killed_in_a_stream(self):
        server = self.start()
        self.hurt(server, signal.SIGILL)  # the address sanitizer takes SIGSEGV for itself
        events = [e for e in server.stream(chunks(SLOW, name="slow.pdf", size=len(SLOW))) if e.WhichOneof("event") != "heartbeat"]
        self.assertEqual([e.WhichOneof("event") for e in events], ["opened", "page", "page", "page", "finished"])
        self.assertEqual([e.page.status for e in events[1:4]], [doc.STATUS_OK, doc.STATUS_FAILED, doc.STATUS_OK])
        self.assertIn("crashed (signal 4", events[2].page.problem.message)

    def test_decoder_hangs(self):
        server = self.start("--page-seconds", str(10 * SLOWER))
        self.hurt(server, signal.SIGSTOP, 0.3)
        reply = server.parse(SLOW)
        self.assertEqual(self.statuses(reply), [doc.STATUS_OK, doc.STATUS_FAILED, doc.STATUS_OK])
        self.assertIn("did not answer in time", reply.document.pages[1].problem.message)
        self.assertEqual(self.number(server, 'docparse_decoders_total{event="killed"}'), 1)

    def test_cancel_frees_the_decoder(self):
        server = self.start()
        call = server.channel.unary_unary(PARSER + "ParseDocument", request_serializer=pb.ParseRequest.SerializeToString,
                                          response_deserializer=pb.ParseResponse.FromString).future(pb.ParseRequest(content=SLOW), timeout=PATIENCE)
        until = time.time() + PATIENCE
        while not any(cpu(d) > 0.3 for d in decoders(server.process.pid)) and time.time() < until:
            time.sleep(0.02)
        call.cancel()
        while decoders(server.process.pid) and time.time() < until:
            time.sleep(0.02)
        self.assertEqual(decoders(server.process.pid), [])

    def test_off(self):
        server = Server(self, "--sandbox", "off")
        info = server.unary(PARSER + "GetServerInfo", pb.GetServerInfoRequest(), pb.ServerInfo)
        self.assertFalse(info.sandbox.active)
        self.assertEqual(children(server.process.pid), [])
        with open(os.path.join(SAMPLES, "form.pdf"), "rb") as f:
            self.assertEqual(self.statuses(server.parse(f.read())), [doc.STATUS_OK])
        with self.assertRaises(grpc.RpcError):
            server.parse(b"rubbish")


if __name__ == "__main__":
    main()
