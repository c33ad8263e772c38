# SPDX-License-Identifier: Apache-2.0
"""Who may call `docparse serve`: bearer tokens, TLS and client certificates, their reload."""
import os, subprocess, time

import grpc

from e2e import main
from service import PARSER, Server, ServiceCase, health, pb


class Security(ServiceCase):
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
        deadline = time.time() + 20
        while time.time() < deadline:
            try:
                ask(good)
            except grpc.RpcError:
                break
            time.sleep(0.2)
        self.fails(grpc.StatusCode.UNAUTHENTICATED, ask, good)
        ask(("authorization", "Bearer fedcba9876543210fedcba"))
        result = self.run_program("serve", "--listen", "127.0.0.1:0", "--token-file", self.write("bad", "short 123\n"), code=3, timeout=60)
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
                return call(pb.GetServerInfoRequest(), timeout=20)

        self.assertEqual(list(ask("client.key", "client.pem").readers), ["compact"])
        for wrong in ((), ("stranger.key", "stranger.pem")):
            self.fails(grpc.StatusCode.UNAVAILABLE, ask, *wrong)
        self.fails(grpc.StatusCode.UNAVAILABLE, server.unary, PARSER + "GetServerInfo", pb.GetServerInfoRequest(), pb.ServerInfo, timeout=10)
        # A renewed certificate of another authority is served to the next connection; a damaged one is not taken.
        self.certificate("ca2")
        self.write("server.key", "damaged")
        time.sleep(1.2)
        ask("client.key", "client.pem")
        os.rename(self.at("ca.pem"), self.at("old.pem"))
        self.certificate("server", "ca2")
        self.write("ca.pem", read("old.pem"))
        time.sleep(1.2)
        self.fails(grpc.StatusCode.UNAVAILABLE, ask, "client.key", "client.pem")
        self.write("ca.pem", read("old.pem") + read("ca2.pem"))
        time.sleep(1.2)
        ask("client.key", "client.pem")

    def test_refuses_to_be_reached_from_outside(self):
        result = self.run_program("serve", "--listen", "0.0.0.0:0", code=3, timeout=60)
        self.assertIn("TLS", result.err)


if __name__ == "__main__":
    main()
