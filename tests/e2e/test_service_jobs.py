# SPDX-License-Identifier: Apache-2.0
"""docparse.v1.Jobs: life, failures, cancelling, kills and stops."""
import os, sqlite3, time

import grpc

import e2e
from e2e import PATIENCE, main
from service import Server, ServiceCase, doc, jobs, pb, sample


class Jobs(ServiceCase):
    def test_life_of_a_job(self):
        server = Server(self, "--state-dir", self.at("state"), "--workers", "1")
        job = server.submit("report.pdf", "order-1", pb.ParseOptions(output=pb.OutputOptions(formats=["text"])))
        self.assertEqual(job.state, jobs.JOB_STATE_QUEUED)
        states = [j.state for j in server.watch_job(job.id)]
        self.assertEqual(states[-1], jobs.JOB_STATE_SUCCEEDED, states)
        got = server.result(job.id)
        self.assertEqual((got.job.status, got.job.pages_done, got.job.pages_to_read, got.job.attempts), (doc.STATUS_OK, 2, 2, 1))
        self.assertEqual([p.number for p in got.result.document.pages], [1, 2])
        self.assertEqual(got.result.document.info.page_count, 2)
        self.assertIn(b"Arnsholt", got.result.rendered[0].content)
        self.assertGreater(got.job.expires_ms, got.job.ended_ms)
        # The same key is the same job; another document under it is a mistake.
        self.assertEqual(server.submit("report.pdf", "order-1", pb.ParseOptions(output=pb.OutputOptions(formats=["text"]))).id, job.id)
        self.fails(grpc.StatusCode.INVALID_ARGUMENT, server.submit, "form.pdf", "order-1")
        listed = server.job("ListJobs", jobs.ListJobsRequest(), jobs.ListJobsResponse)
        self.assertEqual([j.id for j in listed.jobs], [job.id])
        self.fails(grpc.StatusCode.NOT_FOUND, server.result, "nothing")

    def test_failures_and_cancelling(self):
        server = Server(self, "--state-dir", self.at("state"), "--workers", "1")
        bad = server.job("SubmitJob", jobs.SubmitJobRequest(request=pb.ParseRequest(content=b"no document", name="x")))
        self.assertEqual(list(server.watch_job(bad.id))[-1].state, jobs.JOB_STATE_FAILED)
        self.assertEqual(server.result(bad.id).job.problem.reason, "UNSUPPORTED")
        running, waiting = server.submit("scan.tif"), server.submit("photo.jpg")
        self.assertEqual(server.job("CancelJob", jobs.CancelJobRequest(id=waiting.id)).state, jobs.JOB_STATE_CANCELLED)
        server.job("CancelJob", jobs.CancelJobRequest(id=running.id))
        self.assertEqual(list(server.watch_job(running.id))[-1].state, jobs.JOB_STATE_CANCELLED)
        pages = server.job("ListJobs", jobs.ListJobsRequest(page_size=2), jobs.ListJobsResponse)
        rest = server.job("ListJobs", jobs.ListJobsRequest(page_size=2, page_token=pages.next_page_token), jobs.ListJobsResponse)
        self.assertEqual([j.id for j in pages.jobs] + [j.id for j in rest.jobs], [waiting.id, running.id, bad.id])

    def test_a_killed_server_loses_nothing(self):
        """Killed again and again in the middle of the work: every accepted job ends, no finished page is read twice."""
        state, accepted = self.at("state"), []
        for round_ in range(3 if e2e.QUICK else 6):
            server = Server(self, "--state-dir", state, "--workers", "1")
            accepted += [server.submit(n).id for n in ("invoice.pdf", "report.pdf")]
            time.sleep(0.1 * round_)
            server.process.kill()
            server.kill()
        server = Server(self, "--state-dir", state, "--workers", "2")
        for job_id in accepted:
            last = list(server.watch_job(job_id))[-1]
            self.assertIn(last.state, (jobs.JOB_STATE_SUCCEEDED, jobs.JOB_STATE_FAILED))
            if last.state == jobs.JOB_STATE_FAILED:
                self.assertEqual((last.problem.reason, last.attempts), ("POISON", 3))
            else:
                got = server.result(job_id)
                self.assertEqual(got.job.pages_done, got.job.pages_to_read)
                self.assertEqual([p.number for p in got.result.document.pages], list(range(1, got.job.pages_to_read + 1)))
        self.assertEqual(server.stop()[0], 0)

    def test_a_stopped_server_goes_on_later(self):
        server = Server(self, "--state-dir", self.at("state"), "--workers", "1")
        job = server.submit("scan.tif")
        while server.result(job.id).job.pages_done == 0:
            time.sleep(0.1)
        self.assertEqual(server.stop()[0], 0)
        server = Server(self, "--state-dir", self.at("state"), "--workers", "1")
        last = list(server.watch_job(job.id))[-1]
        self.assertEqual((last.state, last.pages_done, last.attempts), (jobs.JOB_STATE_SUCCEEDED, 3, 1))
        self.assertEqual([p.number for p in server.result(job.id).result.document.pages], [1, 2, 3])

    def test_watch_is_told_at_once(self):
        """Each change wakes the stream: with a look once a second the end would come up to a second late, and three of nine times within
        an eighth of one only rarely. A machine that is busy delays some, not all."""
        server, late = Server(self, "--state-dir", self.at("state"), "--workers", "1"), []
        for _ in range(9):
            last = list(server.watch_job(server.submit("invoice.pdf").id))[-1]
            late.append(time.time() - last.ended_ms / 1000)
        self.assertLess(sorted(late)[2], 0.125 * e2e.SLOWER, late)

    def test_many_watch_and_some_leave(self):
        server = Server(self, "--state-dir", self.at("state"), "--workers", "1")
        job = server.submit("scan.tif")
        calls = [server.watch_job(job.id) for _ in range(20)]
        for call in calls:
            self.assertEqual(next(call).id, job.id)
        for call in calls[::2]:
            call.cancel()
        server.job("CancelJob", jobs.CancelJobRequest(id=job.id))
        for call in calls[1::2]:
            self.assertEqual(list(call)[-1].state, jobs.JOB_STATE_CANCELLED)
        self.assertEqual(server.stop()[0], 0)

    def test_slow_disk_stalls_nobody_else(self):
        """The job table does not come back for a while: its own calls wait, in order, and the rest of the server does not."""
        server = Server(self, "--state-dir", self.at("state"), "--workers", "1")
        first = server.submit("invoice.pdf", "a")
        list(server.watch_job(first.id))
        table = sqlite3.connect(os.path.join(self.at("state"), "jobs.db"), isolation_level=None)
        self.addCleanup(table.close)
        table.execute("BEGIN IMMEDIATE")  # writers wait as if the disk did
        submit = server.channel.unary_unary("/docparse.v1.Jobs/SubmitJob", request_serializer=jobs.SubmitJobRequest.SerializeToString,
                                            response_deserializer=jobs.Job.FromString)
        request = jobs.SubmitJobRequest(idempotency_key="b", request=pb.ParseRequest(content=sample("form.pdf"), name="form.pdf"))
        waiting = submit.future(request, timeout=PATIENCE)
        for _ in range(3):
            server.unary("/docparse.v1.DocumentParser/GetServerInfo", pb.GetServerInfoRequest(), pb.ServerInfo)
        self.assertFalse(waiting.done(), "the job was stored although the table was locked")
        table.execute("ROLLBACK")
        job = waiting.result()
        self.assertEqual(list(server.watch_job(job.id))[-1].state, jobs.JOB_STATE_SUCCEEDED)
        # Submitted at once, stored in the order in which they came.
        order = [submit.future(jobs.SubmitJobRequest(idempotency_key="c%d" % i, request=request.request), timeout=PATIENCE) for i in range(8)]
        ids = [f.result().id for f in order]
        listed = server.job("ListJobs", jobs.ListJobsRequest(page_size=8), jobs.ListJobsResponse)
        self.assertEqual([j.id for j in listed.jobs], ids[::-1])

    def test_without_a_state_folder(self):
        server = Server(self)
        self.fails(grpc.StatusCode.UNIMPLEMENTED, server.submit, "form.pdf")


if __name__ == "__main__":
    main()
