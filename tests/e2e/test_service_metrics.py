# SPDX-License-Identifier: Apache-2.0
"""What a monitor sees of `docparse serve`: the text of /metrics, its names, and what counts where."""
import os, re

import grpc

from e2e import PATIENCE, QUICK, SOURCE, main
from service import PARSER, ServiceCase, jobs, pb, sample
from serving import Serving
from test_web import TYPE, form

LINE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z]+="[^"\\]*",?)*)\})? (-?[0-9.]+(?:e[+-]?\d+)?)$')


def parse(text):
    """{name: {labels: value}} and {family: type}; raises on anything that is not the format."""
    numbers, types, helped = {}, {}, set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helped and len(line.split(" ", 3)[3]) > 10, line
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name in helped and name not in types and kind in ("counter", "gauge", "histogram"), line
            types[name] = kind
        else:
            match = LINE.match(line)
            assert match, line
            family = re.sub(r"_(bucket|sum|count)$", "", match.group(1))
            assert match.group(1) in types or types.get(family) == "histogram", line
            at = numbers.setdefault(match.group(1), {})
            assert match.group(2) not in at, line
            at[match.group(2)] = float(match.group(3))
    return numbers, types


class Metrics(ServiceCase):
    def serving(self, *args):
        serving = Serving(self, "--metrics", "127.0.0.1:0", *args)
        self.channel = grpc.insecure_channel("127.0.0.1:%d" % serving.port, options=[("grpc.enable_http_proxy", 0)])
        self.addCleanup(self.channel.close)
        return serving

    def call(self, path, request, reply):
        return self.channel.unary_unary(path, request_serializer=type(request).SerializeToString, response_deserializer=reply.FromString)(request, timeout=PATIENCE)

    def test_what_counts_where(self):
        serving = self.serving("--web", "127.0.0.1:0", "--state-dir", self.at("state"))
        self.call(PARSER + "ParseDocument", pb.ParseRequest(content=sample("report.pdf")), pb.ParseResponse)
        self.call(PARSER + "ParseDocument", pb.ParseRequest(content=sample("form.pdf"), options=pb.ParseOptions(priority=pb.PRIORITY_BULK)), pb.ParseResponse)
        for content in (b"text", b"text", b"%PDF-1.7 broken"):
            with self.assertRaises(grpc.RpcError):
                self.call(PARSER + "ParseDocument", pb.ParseRequest(content=content), pb.ParseResponse)
        self.call("/docparse.v1.Jobs/SubmitJob", jobs.SubmitJobRequest(request=pb.ParseRequest(content=b"no document")), jobs.Job)
        self.assertEqual(serving.get("page", "/api/parse", "POST", form(("file", "f.pdf", sample("form.pdf"))), TYPE)[0], 200)
        self.assertEqual(serving.get("page", "/api/parse", "POST", form(("file", "f.pdf", b"")), TYPE)[0], 400)
        serving.wait_metric('docparse_failures_total{what="job",reason="UNSUPPORTED"}', 1)
        for row, value in (('docparse_calls_total{method="/api/parse",code="OK"}', 1), ('docparse_calls_total{method="/api/parse",code="INVALID_ARGUMENT"}', 1),
                           ('docparse_failures_total{what="call",reason="ARGUMENT"}', 1), ('docparse_failures_total{what="call",reason="FORMAT"}', 1),
                           ('docparse_failures_total{what="call",reason="UNSUPPORTED"}', 2)):
            serving.wait_metric(row, value)  # a call is counted when its answer has gone out
        numbers, _ = parse(serving.get("metrics", "/metrics")[1].decode())
        self.assertEqual(numbers["docparse_failures_total"], {'what="call",reason="UNSUPPORTED"': 2, 'what="call",reason="FORMAT"': 1, 'what="call",reason="ARGUMENT"': 1,
                                                             'what="job",reason="UNSUPPORTED"': 1})
        self.assertEqual(numbers["docparse_calls_total"]['method="/api/parse",code="INVALID_ARGUMENT"'], 1)
        self.assertEqual(numbers["docparse_pages_total"], {'status="ok"': 4, 'status="partial"': 0, 'status="failed"': 0})
        for stage in ("load", "read", "assemble", "write"):
            self.assertEqual(numbers["docparse_stage_seconds_count"]['stage="%s"' % stage], 4, stage)
        self.assertGreater(numbers["docparse_stage_seconds_sum"]['stage="load"'], 0)
        self.assertEqual((numbers["docparse_queue_seconds_count"]['class="interactive"'], numbers["docparse_queue_seconds_count"]['class="bulk"']), (5, 2))
        self.assertEqual(numbers["docparse_jobs_waiting"][None], 0)
        self.assertGreater(numbers["process_resident_memory_bytes"][None], 1 << 24)
        self.assertGreater(numbers["process_open_fds"][None], 5)

    def test_histograms_are_sound(self):
        serving = self.serving()
        self.call(PARSER + "ParseDocument", pb.ParseRequest(content=sample("form.pdf")), pb.ParseResponse)
        serving.wait_metric('docparse_calls_total{method="%s",code="OK"}' % (PARSER + "ParseDocument"), 1)  # counted when its answer has gone out
        numbers, types = parse(serving.get("metrics", "/metrics")[1].decode())
        for family in (n for n, kind in types.items() if kind == "histogram"):
            rows = {}
            for labels, value in numbers[family + "_bucket"].items():
                name, bound = labels.rsplit(',le="', 1)
                rows.setdefault(name, []).append((float(bound.rstrip('"').replace("+Inf", "inf")), value))
            for name, buckets in rows.items():
                self.assertEqual(buckets, sorted(buckets), name)
                self.assertEqual(sorted(v for _, v in buckets), [v for _, v in buckets], name)
                self.assertEqual(buckets[-1][1], numbers[family + "_count"][name], name)

    def test_memory_is_told(self):
        serving = self.serving("--workers", "1")
        idle, used = 'docparse_network_bytes{state="idle"}', 'docparse_network_bytes{state="used"}'
        self.assertEqual((serving.metric(used), serving.metric(idle)), (0, 0))
        self.call(PARSER + "ParseDocument", pb.ParseRequest(content=sample("form.pdf"), options=pb.ParseOptions(text_layer=pb.TEXT_LAYER_USE_OFF)), pb.ParseResponse)
        self.assertEqual(serving.metric(used), 0)
        size = serving.metric(idle)
        self.assertGreater(size, 1 << 24)
        self.call(PARSER + "ParseDocument", pb.ParseRequest(content=sample("form.pdf"), options=pb.ParseOptions(text_layer=pb.TEXT_LAYER_USE_OFF)), pb.ParseResponse)
        self.assertEqual(serving.metric(idle), size)  # the same memory
        if not QUICK:  # sanitizers bring an allocator of their own
            self.assertGreater(serving.metric('docparse_heap_bytes{state="used"}'), 1 << 24)
        serving.wait_metric('docparse_work_seconds_count{class="interactive"}', 2)
        serving.wait_metric(idle, 0)  # nobody wants it

    def test_unknown_methods_are_one_series(self):
        serving = self.serving()
        for i in range(20):
            with self.assertRaises(grpc.RpcError):
                self.call("/no.such.Service/Method%d" % i, pb.ParseRequest(), pb.ParseResponse)
        serving.wait_metric('docparse_calls_total{method="unknown",code="UNIMPLEMENTED"}', 20)
        numbers, _ = parse(serving.get("metrics", "/metrics")[1].decode())
        self.assertEqual(numbers["docparse_calls_total"]['method="unknown",code="UNIMPLEMENTED"'], 20)
        self.assertEqual(numbers["docparse_failures_total"]['what="call",reason="UNKNOWN_METHOD"'], 20)

    def test_every_reason_is_in_the_list(self):
        """Reason codes in the sources against svc_reasons: one that is not there would count as OTHER."""
        folder, used = os.path.join(SOURCE, "service", "rpc"), set()
        for name in sorted(n for n in os.listdir(folder) if n.endswith(".c")):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                text = f.read()
            if name == "metrics.c":
                known = set(re.findall(r'"([A-Z_]+)"', text[text.index("svc_reasons[] = {"):text.index("#define REASONS")]))
            else:
                used |= set(re.findall(r'(?:reason = (?:code == \w+ \? )?|reason = \'|: |, \w+, |\] = )["\']([A-Z][A-Z_]{1,30})["\']', text))
        used -= {"OK", "OTHER"}
        self.assertGreater(len(used), 20, used)
        self.assertEqual(used - known, set())


if __name__ == "__main__":
    main()
