# SPDX-License-Identifier: Apache-2.0
"""Who may call `docparse serve`: bearer tokens, TLS and client certificates, their reload."""
import os, signal, subprocess, time

import grpc

from e2e import PATIENCE, main
from service import PARSER, Server, ServiceCase, health, jobs, pb, sample


class Security(ServiceCase):
    def until(self, done, not_yet):
        """Calls it again as long as it raises that: the server looks at its files once a second."""
        deadline = time.time() + PATIENCE
        while True:
            try:
                return done()
            except not_yet:
                self.assertLess(time.time(), deadline)
            time.sleep(0.1)

    def test_tokens(self):
        path = self.write("tokens", "# who may call\nalice 0123456789abcdef0123\n")
        server = Server(self, "--token-file", path)
        ask = lambda *metadata: server.unary(PARSER + "GetServerInfo", pb.GetServerInfoRequest(), pb.ServerInfo, metadata=metadata)
        good = ("authorization", "Bearer 0123456789abcdef0123")
        self.assertEqual(list(ask(good).readers), ["compact"])
        for metadata in ((), (("authorization", "Bearer wrong"),), (("authorization", "0123456789abcdef0123"),), (("authorization", "Bearer "),)):
            self.fails(grpc.StatusCode.UNAUTHENTICATED, ask, *metadata)
        self.assertEqual(server.unary("/grpc.health.v1.Health/Check", health.HealthCheckRequest(), health.HealthCheckResponse).status, 1)
        self.write("tokens", "bob fedcba9876543210fedcba\n")
        self.until(lambda: self.assertRaises(grpc.RpcError, ask, good), AssertionError)
        self.fails(grpc.StatusCode.UNAUTHENTICATED, ask, good)
        ask(("authorization", "Bearer fedcba9876543210fedcba"))
        result = self.run_program("serve", "--listen", "127.0.0.1:0", "--token-file", self.write("bad", "short 123\n"), code=3)
        self.assertIn("line 1", result.err)

    def certificate(self, name, issuer=None, days="30"):
        """Key and certificate NAME.key, NAME.pem for localhost, signed by issuer or by itself."""
        key, pem = self.at(name + ".key"), self.at(name + ".pem")
        run = lambda *args: subprocess.run(["openssl", *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if issuer is None:
            run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, "-days", days, "-subj", "/CN=" + name)
        else:
            request, extra = self.at(name + ".csr"), self.write(name + ".ext", "subjectAltName=DNS:localhost,DNS:%s\n" % name)
            run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=" + name)
            run("x509", "-req", "-in", request, "-CA", self.at(issuer + ".pem"), "-CAkey", self.at(issuer + ".key"), "-CAcreateserial", "-out", pem,
                "-days", days, "-extfile", extra)
        return key, pem

    def test_tls_and_client_certificates(self):
        self.certificate("ca")
        key, pem = self.certificate("server", "ca")
        self.certificate("client", "ca")
        self.certificate("stranger")

        def read(name):
            with open(self.at(name), "rb") as f:
                return f.read()

        server = Server(self, "--tls-cert", pem, "--tls-key", key, "--tls-client-ca", self.at("ca.pem"))

        def ask(*names):
            pair = [read(n) for n in names] or [None, None]
            with server.connect(grpc.ssl_channel_credentials(read("ca.pem"), pair[0], pair[1])) as channel:
                call = channel.unary_unary(PARSER + "GetServerInfo", request_serializer=pb.GetServerInfoRequest.SerializeToString, response_deserializer=pb.ServerInfo.FromString)
                return call(pb.GetServerInfoRequest(), timeout=PATIENCE)

        self.assertEqual(list(ask("client.key", "client.pem").readers), ["compact"])
        for wrong in ((), ("stranger.key", "stranger.pem")):
            self.fails(grpc.StatusCode.UNAVAILABLE, ask, *wrong)
        self.fails(grpc.StatusCode.UNAVAILABLE, server.unary, PARSER + "GetServerInfo", pb.GetServerInfoRequest(), pb.ServerInfo)
        # A renewed certificate of another authority is served to the next connection; a damaged one is not taken.
        self.certificate("ca2")
        self.write("server.key", "damaged")
        time.sleep(1.2)
        ask("client.key", "client.pem")
        os.rename(self.at("ca.pem"), self.at("old.pem"))
        self.certificate("server", "ca2")
        self.write("ca.pem", read("old.pem"))
        self.until(lambda: self.assertRaises(grpc.RpcError, ask, "client.key", "client.pem"), AssertionError)
        self.fails(grpc.StatusCode.UNAVAILABLE, ask, "client.key", "client.pem")
        self.write("ca.pem", read("old.pem") + read("ca2.pem"))
        self.until(lambda: ask("client.key", "client.pem"), grpc.RpcError)

    def test_reload_serves_the_certificate_of_another_file(self):
        for ca, server_name in (("ca", "server"), ("ca2", "server2")):
            self.certificate(ca)
            self.certificate(server_name, ca)
        text = lambda name: "tls-cert = %s\ntls-key = %s\n" % (self.at(name + ".pem"), self.at(name + ".key"))
        server = Server(self, "--config", self.write("docparse.conf", text("server")))

        def ask(ca):
            with open(self.at(ca + ".pem"), "rb") as f, server.connect(grpc.ssl_channel_credentials(f.read())) as channel:
                call = channel.unary_unary(PARSER + "GetServerInfo", request_serializer=pb.GetServerInfoRequest.SerializeToString, response_deserializer=pb.ServerInfo.FromString)
                return call(pb.GetServerInfoRequest(), timeout=PATIENCE)

        def reload(content):
            self.write("docparse.conf", content)
            server.process.send_signal(signal.SIGHUP)

        ask("ca")
        # A key that does not fit the certificate: the old pair stays.
        reload("tls-cert = %s\ntls-key = %s\n" % (self.at("server2.pem"), self.at("server.key")))
        server.wait_said("server.key is not the key of")
        ask("ca")
        reload(text("server2"))
        self.until(lambda: ask("ca2"), grpc.RpcError)
        self.fails(grpc.StatusCode.UNAVAILABLE, ask, "ca")
        # Without TLS only after a restart: what is not sure stays on.
        reload("")
        server.wait_said("tls-cert: nothing instead of")
        ask("ca2")
        code, err = server.stop()
        self.assertEqual(code, 0, err)
        self.assertIn("server.key is not the key of", err)
        self.assertTrue(any("tls-cert: nothing instead of" in line and "restart" in line for line in err.splitlines()), err)

    def test_long_names_of_certificates_are_told_apart(self):
        self.certificate("ca")
        key, pem = self.certificate("server", "ca")
        common = "a-rather-long-name-of-a-department." * 2
        for name in ("one", "two"):
            subprocess.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", self.at(name + ".key"), "-out", self.at(name + ".csr"), "-subj", "/CN=x"],
                           check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            extra = self.write(name + ".ext", "subjectAltName=DNS:%s%s\n" % (common, name))
            subprocess.run(["openssl", "x509", "-req", "-in", self.at(name + ".csr"), "-CA", self.at("ca.pem"), "-CAkey", self.at("ca.key"), "-CAcreateserial",
                            "-out", self.at(name + ".pem"), "-days", "3", "-extfile", extra], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        server = Server(self, "--tls-cert", pem, "--tls-key", key, "--tls-client-ca", self.at("ca.pem"), "--state-dir", self.at("state"))

        def jobs_of(name, method, request, reply):
            def read(path):
                with open(self.at(path), "rb") as f:
                    return f.read()

            with server.connect(grpc.ssl_channel_credentials(read("ca.pem"), read(name + ".key"), read(name + ".pem"))) as channel:
                call = channel.unary_unary("/docparse.v1.Jobs/" + method, request_serializer=type(request).SerializeToString, response_deserializer=reply.FromString)
                return call(request, timeout=PATIENCE)

        job = jobs_of("one", "SubmitJob", jobs.SubmitJobRequest(request=pb.ParseRequest(content=sample("form.pdf"))), jobs.Job)
        self.assertEqual([j.id for j in jobs_of("one", "ListJobs", jobs.ListJobsRequest(), jobs.ListJobsResponse).jobs], [job.id])
        self.assertEqual(list(jobs_of("two", "ListJobs", jobs.ListJobsRequest(), jobs.ListJobsResponse).jobs), [])
        self.fails(grpc.StatusCode.NOT_FOUND, jobs_of, "two", "GetJob", jobs.GetJobRequest(id=job.id), jobs.GetJobResponse)

    def test_refuses_to_be_reached_from_outside(self):
        result = self.run_program("serve", "--listen", "0.0.0.0:0", code=3)
        self.assertIn("TLS", result.err)


if __name__ == "__main__":
    main()
