# SPDX-License-Identifier: Apache-2.0
"""Decoders in processes of their own: the same bytes as without, and what becomes of a document whose decoder dies, hangs or
meets its limits. Faults are made from outside: signals to the decoder, limits of the shell."""
import os, re, resource, signal, subprocess, time

from e2e import FAILED, INTERRUPTED, OK, PATIENCE, PROGRAM, QUICK, SAMPLES, SETUP, SLOWER, THREAD_SANITIZER, Case, main, pdf, texts
from processes import children, cpu, decoders, slow_page, stat

class Sandbox(Case):
    def setUp(self):
        super().setUp()
        if "sandbox    on" not in self.run_program("info", "--system").out:
            self.skipTest("this system does not filter system calls")

    def start(self, *args):
        program = subprocess.Popen([PROGRAM, "convert", *args, "-o", self.out], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder)
        self.addCleanup(program.stderr.close)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        return program

    def busy_decoder(self, program, seconds):
        """The decoder, once it has worked so long: it is in the middle of the slow page."""
        until = time.time() + PATIENCE
        while time.time() < until:
            for d in decoders(program.pid):
                if cpu(d) >= seconds:
                    return d
            self.assertIsNone(program.poll(), "it ended too soon")
            time.sleep(0.02)
        self.fail("no decoder got busy")

    def finish(self, program, code):
        out, err = program.communicate(timeout=3 * PATIENCE)
        self.assertEqual(program.returncode, code, err.decode())
        return err.decode()

    def statuses(self, stem):
        return [p["status"] for p in self.json(stem)["pages"]]


class Same(Sandbox):
    def test_same_bytes(self):
        names = ["form.pdf", "invoice.pdf", "report.pdf"] + ([] if QUICK else ["paper.pdf", "chinese.png"])  # test_sandbox.c: all formats
        inputs = [os.path.join(SAMPLES, n) for n in names]
        self.write("slow.pdf", pdf([["first"], slow_page(200), ["third"]]))
        outs = {}
        for mode in ("on", "off"):
            self.out = self.at(mode)
            self.convert(*inputs, "slow.pdf", "-f", "json,html,md,overlay", "--sandbox", mode, timeout=8 * PATIENCE)
            outs[mode] = {n: self.bytes_of(n) for n in self.results()}
        self.assertGreater(len(outs["on"]), 3 * len(inputs))
        self.assertEqual(outs["on"].keys(), outs["off"].keys())
        for name, data in outs["on"].items():
            self.assertTrue(data == outs["off"][name], name)

    def test_same_facts(self):
        inputs = [os.path.join(SAMPLES, n) for n in sorted(os.listdir(SAMPLES))]
        self.assertEqual(self.run_program("info", "--json", *inputs, code=OK).out,
                         self.run_program("info", "--json", "--sandbox=off", *inputs, code=OK).out)

    def test_same_errors(self):
        with open(os.path.join(SAMPLES, "newspaper.png"), "rb") as f:
            self.write("cut.png", f.read(4000))
        self.write("rubbish.pdf", b"%PDF-1.4\nrubbish")
        self.write("locked.pdf", pdf([["secret"]], encrypt="key"))
        for name in ("cut.png", "rubbish.pdf", "locked.pdf"):
            said = [self.convert(name, "--sandbox", mode, "--progress", "none", code=FAILED).err for mode in ("on", "off")]
            self.assertEqual(*said)

    def test_passwords_and_pipes(self):
        self.write("key", "key\n")
        data = pdf([["secret words"]], encrypt="key")
        self.convert("-", "-f", "json", "--password-file", "key", "--sandbox", "on", stdin=data)
        self.assertIn("secret words", texts(self.json("stdin")))


class Faults(Sandbox):
    def setUp(self):
        super().setUp()
        self.write("slow.pdf", pdf([["first page"], slow_page(12000), ["third page"]]))

    def test_killed_in_the_middle_of_a_page(self):
        for number, words in ((signal.SIGKILL, ["was killed", "signal 9"]), (signal.SIGSEGV, ["crashed", "signal 11"]), (signal.SIGABRT, ["gave up", "signal 6"])):
            with self.subTest(signal=number):
                program = self.start("slow.pdf", "-f", "json", "-j", "1", "--sandbox", "on")
                os.kill(self.busy_decoder(program, 0.4), number)
                said = self.finish(program, FAILED)
                self.assertRegex(said, r"slow\.pdf: page 2: the PDF decoder %s.*\[library\]" % ".*".join(words))
                self.assertEqual(self.statuses("slow"), ["ok", "failed", "ok"])
                self.assertIn("first page", texts(self.json("slow")))
                self.assertIn("third page", texts(self.json("slow")))
                if QUICK:
                    break

    def test_hangs(self):
        program = self.start("slow.pdf", "-f", "json", "-j", "1", "--sandbox", "on", "--page-seconds", str(10 * SLOWER))
        os.kill(self.busy_decoder(program, 0.3), signal.SIGSTOP)
        said = self.finish(program, FAILED)
        self.assertRegex(said, r"page 2: the PDF decoder did not answer in time and was ended \[deadline\]")
        self.assertEqual(self.statuses("slow"), ["ok", "failed", "ok"])

    def test_decoders_that_die_again_and_again(self):
        self.write("many.pdf", pdf([slow_page(2000)] * 14))
        program = self.start("many.pdf", "-f", "json", "-j", "2", "--sandbox", "on")
        killed = set()
        while program.poll() is None:
            for d in decoders(program.pid):
                if d not in killed and cpu(d) > 0.05:
                    os.kill(d, signal.SIGKILL)
                    killed.add(d)
            time.sleep(0.005)
        said = self.finish(program, FAILED)
        self.assertIn("8 decoders were lost to this document: the rest of it is not read [limit]", said)
        self.assertLessEqual(len(killed), 11)  # two workers may lose one each at the same time

    def test_fork_server_killed(self):
        program = self.start("slow.pdf", "-f", "json", "-j", "1", "--sandbox", "on")
        self.busy_decoder(program, 0.3)
        os.kill(children(program.pid)[0], signal.SIGKILL)  # takes its decoders along
        said = self.finish(program, FAILED)
        self.assertIn("the fork server of the sandbox has ended: its spare takes over", said)
        self.assertRegex(said, r"page 2: the PDF decoder ended unasked \[library\]")
        self.assertEqual(self.statuses("slow"), ["ok", "failed", "ok"])

    def test_program_killed(self):
        program = self.start("slow.pdf", "-f", "json", "-j", "1", "--sandbox", "on")
        family = [self.busy_decoder(program, 0.3)] + children(program.pid)
        family += [p for server in children(program.pid) for p in children(server)]
        program.kill()
        program.wait()
        until = time.time() + PATIENCE
        while any(stat(p) and stat(p)[0] not in "ZX" for p in family) and time.time() < until:
            time.sleep(0.02)
        self.assertEqual([p for p in family if stat(p) and stat(p)[0] not in "ZX"], [])

    def test_interrupt(self):
        """In the middle of a page that takes half a minute: a busy machine does not make that of what ends at once."""
        self.write("slow.pdf", pdf([["first page"], slow_page(120000)]))
        program = self.start("slow.pdf", "-f", "json", "-j", "1", "--sandbox", "on")
        self.busy_decoder(program, 0.3)
        program.send_signal(signal.SIGINT)
        begun = time.time()
        self.finish(program, INTERRUPTED)
        self.assertLess(time.time() - begun, 20 * SLOWER)
        self.assertEqual(self.results(), [])


class Limits(Sandbox):
    def status_of(self, pid):
        with open("/proc/%d/status" % pid) as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)

    def test_locked_up(self):
        self.write("slow.pdf", pdf([["first page"], slow_page(12000)]))
        program = self.start("slow.pdf", "-f", "json", "-j", "1", "--sandbox", "on")
        decoder = self.busy_decoder(program, 0.2)
        status = self.status_of(decoder)
        threads = "2" if THREAD_SANITIZER else "1"  # it has one of its own
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"], status["Threads"]), ("1", "2", threads))
        if os.geteuid() == 0:  # the decoder does not let others look into it
            with open("/proc/%d/limits" % decoder) as f:
                limits = {line[:26].strip(): line[26:].split()[:2] for line in f}
            self.assertEqual(limits["Max core file size"], ["0", "0"])
            self.assertLessEqual(int(limits["Max open files"][1]), 32)
            self.assertNotEqual(limits["Max cpu time"][0], "unlimited")
            if not QUICK:
                self.assertNotEqual(limits["Max address space"][1], "unlimited")
            links = [os.readlink("/proc/%d/fd/%s" % (decoder, n)) for n in os.listdir("/proc/%d/fd" % decoder)]
            strange = [l for l in links if not re.match(r"/dev/null$|socket:|/memfd:docparse|/usr/(local/)?share/|/var/cache/fontconfig", l)]
            self.assertEqual(strange if not QUICK else [], [])
        program.kill()

    def test_modes(self):
        self.write("a.pdf", pdf([["words"]]))
        self.assertEqual(self.convert("a.pdf", "--sandbox=maybe", code=2).code, 2)
        self.convert("a.pdf", "-f", "md", "--sandbox=on")

        def no_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        said = self.convert("a.pdf", "-f", "md", before=no_files).err
        self.assertIn("decoded in this process", said)
        said = self.convert("a.pdf", "-f", "md", "--sandbox=on", before=no_files, code=SETUP).err
        self.assertIn("[unsupported]", said)


if __name__ == "__main__":
    main()
