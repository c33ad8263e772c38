# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium over the DevTools protocol (its pipe: JSON messages ended by a zero byte). Python's standard library only."""
import base64, json, os, select, shutil, subprocess, tempfile, time

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next((p for p in map(shutil.which, NAMES) if p), None)


class Chromium:
    """One page of one browser. Everything waits at most `seconds`."""

    def __init__(self, width=1280, height=860, seconds=60):
        self.folder, self.seconds, self.number, self.inbox, self.events = tempfile.mkdtemp(prefix="docparse-chromium-"), seconds, 0, b"", []
        to_browser, from_browser = os.pipe(), os.pipe()
        environment = dict(os.environ, HOME=self.folder, XDG_CONFIG_HOME=self.folder, XDG_CACHE_HOME=self.folder)

        def wires():
            # Chromium reads from descriptor 3 and writes to 4; the pipes may lie on those numbers already.
            a, b = os.dup(to_browser[0]), os.dup(from_browser[1])
            a, b = os.dup(a), os.dup(b)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server", "--hide-scrollbars",
             "--user-data-dir=" + self.folder, "--remote-debugging-pipe", "--window-size=%d,%d" % (width, height), "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, close_fds=False, preexec_fn=wires, start_new_session=True)
        os.close(to_browser[0])
        os.close(from_browser[1])
        self.out, self.inp, self.session = to_browser[1], from_browser[0], None
        target = next(t for t in self.ask("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.ask(domain + ".enable")
        self.size(width, height)

    def close(self):
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.out)
        os.close(self.inp)
        shutil.rmtree(self.folder, True)

    def read(self, until):
        while b"\0" not in self.inbox:
            left = until - time.time()
            if left <= 0 or not select.select([self.inp], [], [], left)[0]:
                raise TimeoutError("Chromium says nothing")
            piece = os.read(self.inp, 1 << 20)
            if not piece:
                raise EOFError("Chromium ended")
            self.inbox += piece
        message, _, self.inbox = self.inbox.partition(b"\0")
        return json.loads(message)

    def ask(self, method, **params):
        self.number += 1
        message = dict(id=self.number, method=method, params=params)
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        until = time.time() + self.seconds
        while True:
            reply = self.read(until)
            if reply.get("id") != self.number:
                self.events.append(reply)
            elif "error" in reply:
                raise RuntimeError("%s: %s" % (method, reply["error"]))
            else:
                return reply["result"]

    def size(self, width, height, scale=1):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)

    def scheme(self, name):
        self.ask("Emulation.setEmulatedMedia", features=[dict(name="prefers-color-scheme", value=name)])

    def go(self, url):
        self.ask("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script):
        """The value of a JavaScript expression; promises are waited for."""
        done = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in done:
            raise RuntimeError("%s: %s" % (script, done["exceptionDetails"].get("exception", {}).get("description")))
        return done["result"].get("value")

    def wait(self, script, seconds=None):
        until = time.time() + (seconds or self.seconds)
        while not self.run(script):
            if time.time() > until:
                raise TimeoutError("never true: " + script)
            time.sleep(0.05)

    def upload(self, selector, path):
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.ask("DOM.setFileInputFiles", files=[path], nodeId=node)

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, text=key if kind == "keyDown" and len(key) == 1 else "")

    def move(self, x, y):
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def picture(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def complaints(self):
        """What the console said: errors of scripts, files not found, violations of the content policy."""
        self.run("0")
        found = []
        for e in self.events:
            p = e.get("params", {})
            if e.get("method") == "Runtime.exceptionThrown":
                found.append(p["exceptionDetails"].get("exception", {}).get("description") or p["exceptionDetails"]["text"])
            elif e.get("method") == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
                found.append(p["entry"]["text"])
            elif e.get("method") == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning"):
                found.append(str([a.get("value") or a.get("description") for a in p["args"]]))
        return found
