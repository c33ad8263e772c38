# SPDX-License-Identifier: Apache-2.0
"""What can go wrong around `docparse serve`: killed processes, full disks, clocks that jump, lost files, clients that are broken, slow or gone.

Nothing that was accepted is lost, no finished page is read twice, and what cannot be done is said with its reason.
"""
import os, random, sqlite3, time, unittest

import grpc

import e2e
from e2e import PATIENCE, main, pdf
from service import Server, ServiceCase, chunks, doc, jobs, pb, rich, sample

DISK, CLOCK = os.environ.get("DP_ENOSPC_SHIM"), os.environ.get("DP_CLOCK_SHIM")
SHIMS = unittest.skipIf(e2e.QUICK or not DISK or not CLOCK, "a preloaded library and a sanitizer do not go together")


def long_pdf(pages, seed=0):
    return pdf([["page %d of document %d, line %d" % (n, seed, i) for i in range(8)] for n in range(1, pages + 1)])


class FaultCase(ServiceCase):
    def preloaded(self, shim, *args, **env):
        """A server with a shim in front of the system."""
        before = dict(os.environ)
        os.environ.update(env, LD_PRELOAD=shim)
        try:
            return Server(self, *args)
        finally:
            os.environ.clear()
            os.environ.update(before)

    def submit(self, server, content, options=None, key=""):
        request = pb.ParseRequest(content=content, name="d.pdf", options=options)
        return server.job("SubmitJob", jobs.SubmitJobRequest(idempotency_key=key, request=request))

    def state(self, server, job_id):
        return server.job("GetJob", jobs.GetJobRequest(id=job_id), jobs.GetJobResponse).job

    def ended(self, server, job_id, seconds=PATIENCE):
        until = time.time() + seconds
        while True:
            job = self.state(server, job_id)
            if job.state not in (jobs.JOB_STATE_QUEUED, jobs.JOB_STATE_RUNNING):
                return job
            self.assertLess(time.time(), until, "the job does not end: %s" % job)
            time.sleep(0.1)

    def table(self):
        table = sqlite3.connect(self.at("state", "jobs.db"), timeout=PATIENCE)
        self.addCleanup(table.close)
        return table


class Kill(FaultCase):
    def test_killed_twenty_times(self):
        """In the middle of jobs, at random moments: every job ends well, in order, and no page is stored twice."""
        moments, accepted = random.Random(7), {}
        Server(self, "--state-dir", self.at("state"), "--workers", "1").stop()
        with self.table() as table:
            table.execute("CREATE TABLE seen(job TEXT, number INTEGER)")
            table.execute("CREATE TRIGGER see AFTER INSERT ON pages BEGIN INSERT INTO seen VALUES(new.job, new.number); END")
        table.close()
        for round_ in range(6 if e2e.QUICK else 20):
            server = Server(self, "--state-dir", self.at("state"), "--workers", "2", "--job-attempts", "10")
            # Killed while a job is being accepted as well: what was answered counts.
            try:
                pages = moments.randint(20, 60)
                options = pb.ParseOptions(pages=[pb.PageRange(first=3, last=pages - 2)]) if round_ % 3 == 2 else None
                job = self.submit(server, long_pdf(pages, round_), options, "key-%d" % round_)
                accepted["key-%d" % round_] = (job.id, pages if options is None else pages - 4, 1 if options is None else 3)
                later = server.channel.unary_unary("/docparse.v1.Jobs/SubmitJob", request_serializer=jobs.SubmitJobRequest.SerializeToString,
                                                   response_deserializer=jobs.Job.FromString)
                half = later.future(jobs.SubmitJobRequest(idempotency_key="half-%d" % round_, request=pb.ParseRequest(content=long_pdf(3, round_))), timeout=PATIENCE)
                # Kills without any work done between them would count as the document's fault: wait for three pages.
                table, until = self.table(), time.time() + PATIENCE
                done = lambda: table.execute("SELECT count(*) FROM seen").fetchone()[0]
                start = done()
                while done() < start + 3:
                    self.assertLess(time.time(), until, "no pages")
                    time.sleep(0.01)
                table.close()
                time.sleep(moments.random() * 0.1)
            finally:
                server.process.kill()
                try:
                    accepted["half-%d" % round_] = (half.result().id, 3, 1)
                except grpc.RpcError:
                    pass  # never answered: it may be there or not
                server.kill()
        server = Server(self, "--state-dir", self.at("state"), "--workers", "2")
        for key, (job_id, pages, first) in accepted.items():
            job = self.ended(server, job_id)
            self.assertEqual((job.state, job.status, job.pages_done), (jobs.JOB_STATE_SUCCEEDED, doc.STATUS_OK, pages), (key, job))
            numbers = [p.number for p in server.result(job_id).result.document.pages]
            self.assertEqual(numbers, list(range(first, first + pages)), key)
        listed = server.job("ListJobs", jobs.ListJobsRequest(page_size=1000), jobs.ListJobsResponse).jobs
        for job in listed:  # those that were not answered ended as well
            self.assertEqual(self.ended(server, job.id).state, jobs.JOB_STATE_SUCCEEDED)
        self.assertEqual(server.stop()[0], 0)
        table = self.table()
        self.assertEqual(table.execute("SELECT job, number, count(*) FROM seen GROUP BY 1, 2 HAVING count(*) > 1").fetchall(), [])
        self.assertGreater(table.execute("SELECT count(*) FROM seen").fetchone()[0], sum(p for _, p, _ in accepted.values()) - 1)

    def test_killed_between_the_last_page_and_the_end(self):
        """All pages are there, the rendered formats are not: they are made again, not left out."""
        server = Server(self, "--state-dir", self.at("state"))
        content = long_pdf(4)
        job = self.submit(server, content, pb.ParseOptions(output=pb.OutputOptions(formats=["text"])))
        self.assertEqual(self.ended(server, job.id).state, jobs.JOB_STATE_SUCCEEDED)
        rendered = server.result(job.id).result.rendered[0].content
        self.assertIn(b"page 4 of document 0", rendered)
        server.stop()
        with self.table() as table:
            table.execute("UPDATE jobs SET state = 2, rendered = NULL, ended = 0, expires = 0")
        table.close()
        with open(self.at("state", "documents", job.id), "wb") as f:
            f.write(content)
        server = Server(self, "--state-dir", self.at("state"))
        self.assertEqual(self.ended(server, job.id).state, jobs.JOB_STATE_SUCCEEDED)
        self.assertEqual(server.result(job.id).result.rendered[0].content, rendered)

    def test_poison_stops_after_its_attempts(self):
        server = Server(self, "--state-dir", self.at("state"), "--workers", "1")
        job = self.submit(server, long_pdf(400))
        server.kill()
        for attempts, state in ((2, jobs.JOB_STATE_SUCCEEDED), (3, jobs.JOB_STATE_FAILED)):
            with self.table() as table:  # as if the process had ended at work on a page that it never finished
                table.execute("UPDATE jobs SET state = 2, attempts = ?", (attempts,))
                table.execute("DELETE FROM pages")
            table.close()
            server = Server(self, "--state-dir", self.at("state"), "--workers", "1")
            if state == jobs.JOB_STATE_FAILED:
                last = self.state(server, job.id)
                self.assertEqual((last.state, last.problem.reason, last.attempts), (state, "POISON", 3))
                self.assertIn("ended each time", last.problem.message)
            else:
                until = time.time() + PATIENCE
                while self.state(server, job.id).pages_done == 0:
                    self.assertLess(time.time(), until)
                    time.sleep(0.05)
                self.assertEqual(self.state(server, job.id).attempts, 1, "a start that got on counts as the first")
            server.kill()

    def test_two_servers_do_not_share_a_state_folder(self):
        server = Server(self, "--state-dir", self.at("state"))
        result = self.run_program("serve", "--listen", "127.0.0.1:0", "--state-dir", self.at("state"), code=3)
        self.assertIn("another process uses", result.err)
        self.assertIn("--state-dir of its own", result.err)
        server.process.kill()
        server.process.wait()
        Server(self, "--state-dir", self.at("state"))

    def test_lost_document(self):
        server = Server(self, "--state-dir", self.at("state"), "--workers", "1")
        first, second = self.submit(server, long_pdf(40 if e2e.QUICK else 300)), self.submit(server, long_pdf(3))
        os.unlink(self.at("state", "documents", second.id))
        last = self.ended(server, second.id)
        self.assertEqual((last.state, last.problem.reason), (jobs.JOB_STATE_FAILED, "NOT_FOUND"))
        self.assertIn("gone", last.problem.message)
        self.assertNotIn(self.folder, last.problem.message)
        self.assertEqual(self.ended(server, first.id).state, jobs.JOB_STATE_SUCCEEDED)


@SHIMS
class Disk(FaultCase):
    def test_full_disk(self):
        """Nothing fails for it: new jobs are refused with a time to come back, running ones wait, and all goes on when there is room."""
        full = self.at("full")
        server = self.preloaded(DISK, "--state-dir", self.at("state"), "--workers", "1", DP_DISK_BELOW=self.at("state"), DP_DISK_FULL=full)
        running = self.submit(server, long_pdf(300))
        waiting = self.submit(server, long_pdf(5))
        while self.state(server, running.id).pages_done == 0:
            time.sleep(0.02)
        self.write("full", "")
        error = self.fails(grpc.StatusCode.UNAVAILABLE, self.submit, server, long_pdf(2))
        _, found = rich(error)
        self.assertEqual(found["ErrorInfo"].reason, "STORAGE")
        self.assertGreater(found["RetryInfo"].retry_delay.seconds, 0)
        self.assertIn("space", error.details())
        time.sleep(3)
        states = [self.state(server, j.id).state for j in (running, waiting)]
        self.assertTrue(set(states) <= {jobs.JOB_STATE_QUEUED, jobs.JOB_STATE_RUNNING}, states)
        # Other work is not touched, and nothing spins.
        self.assertEqual(server.parse(sample("form.pdf")).document.status, doc.STATUS_OK)
        self.assertLess(self.cpu_seconds(server, 1.0), 0.5)
        os.unlink(full)
        for job in (running, waiting):
            last = self.ended(server, job.id)
            self.assertEqual((last.state, last.status), (jobs.JOB_STATE_SUCCEEDED, doc.STATUS_OK))
        self.assertEqual([p.number for p in server.result(running.id).result.document.pages], list(range(1, 301)))
        self.assertEqual(self.ended(server, self.submit(server, long_pdf(2)).id).state, jobs.JOB_STATE_SUCCEEDED)
        code, err = server.stop()
        self.assertEqual(code, 0)
        self.assertIn("make room", err)

    @staticmethod
    def cpu_seconds(server, seconds):
        def used():
            with open("/proc/%d/stat" % server.process.pid) as f:
                fields = f.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        start = used()
        time.sleep(seconds)
        return used() - start

    def test_disk_budget(self):
        server = Server(self, "--state-dir", self.at("state"), "--job-disk", "1M")
        blob = long_pdf(3)
        first = self.submit(server, blob + b"%" * 600000)
        error = self.fails(grpc.StatusCode.RESOURCE_EXHAUSTED, self.submit, server, blob + b"%" * 600000)
        self.assertEqual(rich(error)[1]["ErrorInfo"].reason, "JOBS_EXHAUSTED")
        self.assertEqual(self.ended(server, first.id).state, jobs.JOB_STATE_SUCCEEDED)
        self.submit(server, blob + b"%" * 600000)  # the first document is not kept behind its end


@SHIMS
class Clock(FaultCase):
    def test_jumps(self):
        """Ten years ahead, back, and back again: calls end, results keep the time they were promised, heartbeats and stops work."""
        self.write("clock", "0")
        server = self.preloaded(CLOCK, "--state-dir", self.at("state"), DP_CLOCK_FILE=self.at("clock"))
        job = self.submit(server, long_pdf(3))
        before = self.ended(server, job.id)
        for offset in (315360000, -315360000):
            self.write("clock", str(offset))
            self.assertEqual(server.parse(sample("form.pdf")).document.status, doc.STATUS_OK)
            time.sleep(12)  # results whose time is over go every ten seconds
            now = self.state(server, job.id)
            self.assertEqual(now.state, jobs.JOB_STATE_SUCCEEDED)
            self.assertAlmostEqual((now.expires_ms - before.expires_ms) / 1000, offset, delta=120)
        events = server.stream(chunks(sample("scan.tif"), name="scan.tif"))
        next(events)
        code, err = server.stop()
        self.assertEqual(code, 0, err)
        self.assertIn("clock was set", err)

    def test_results_expire(self):
        server = Server(self, "--state-dir", self.at("state"), "--job-keep", "1")
        job = self.submit(server, long_pdf(1))
        self.ended(server, job.id)
        until = time.time() + PATIENCE
        with self.assertRaises(grpc.RpcError) as caught:
            while time.time() < until:
                self.state(server, job.id)
                time.sleep(0.2)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)


if __name__ == "__main__":
    main()
