# SPDX-License-Identifier: Apache-2.0
"""Set-up files against the program: deploy.py ROOT [PROGRAM]

Container file, systemd unit, nginx sample, dashboard and runbook name flags, keys, metrics and reasons: each must exist, and the
runbook explains every reason. nginx and systemd-analyze read their files where they are installed.
"""
import json, os, re, shutil, subprocess, sys, tempfile


def text_of(root, *names):
    with open(os.path.join(root, *names), encoding="utf-8") as f:
        return f.read()


def metric_names(root):
    return set(re.findall(r"# TYPE ([a-z_]+)", text_of(root, "service", "rpc", "metrics.c")))


def reasons(root):
    text = text_of(root, "service", "rpc", "metrics.c")
    return re.findall(r'"([A-Z_]+)"', text[text.index("svc_reasons[] = {"):text.index("#define REASONS")])


def keys(root):
    text = text_of(root, "service", "serve_options.c")
    return set(re.findall(r'^    \{"([a-z-]+)", ', text, re.M))


def used_metrics(expression):
    names = re.findall(r"\b((?:docparse|process)_[a-z_]+)\b", expression)
    return {re.sub(r"_(bucket|sum|count)$", "", n) if re.search(r"_(seconds)_(bucket|sum|count)$", n) else n for n in names}


def check_dashboard(root):
    try:
        board = json.loads(text_of(root, "deploy", "grafana-dashboard.json"))
    except ValueError as error:
        yield "grafana-dashboard.json: %s" % error
        return
    known, shown = metric_names(root), set()
    for panel in board["panels"]:
        for target in panel["targets"]:
            if target["expr"].count("(") != target["expr"].count(")"):
                yield "grafana-dashboard.json: '%s': unbalanced: %s" % (panel["title"], target["expr"])
            shown |= used_metrics(target["expr"])
    for name in sorted(shown - known):
        yield "grafana-dashboard.json: there is no metric %s" % name
    if len({p["id"] for p in board["panels"]}) != len(board["panels"]):
        yield "grafana-dashboard.json: two panels have one id"


def check_runbook(root):
    text = text_of(root, "deploy", "RUNBOOK.md")
    for name in sorted(used_metrics(text) - metric_names(root)):
        yield "RUNBOOK.md: there is no metric %s" % name
    table = text[text.index("## Reasons"):]
    explained = {r for row in re.findall(r"^\| ([A-Z_, ]+) \|", table, re.M) for r in row.split(", ")}
    for reason in reasons(root):
        if reason not in explained:
            yield "RUNBOOK.md: the reason %s is not explained" % reason
    for reason in sorted(explained - set(reasons(root))):
        yield "RUNBOOK.md: there is no reason %s" % reason
    words = keys(root) | {"check-config"}
    for key in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", text):
        if key not in words:
            yield "RUNBOOK.md: there is no key %s" % key
    for flag in re.findall(r"`--([a-z-]+)", text):
        if flag not in words | {"method"}:
            yield "RUNBOOK.md: there is no option --%s" % flag
    for name in re.findall(r"`([\w.-]+\.(?:service|json|sample|conf))`", text):
        if name != "docparse.conf" and not os.path.exists(os.path.join(root, "deploy", name)):
            yield "RUNBOOK.md: there is no deploy/%s" % name


def check_flags(root):
    known = keys(root) | {"config", "check-config"}
    for name in ("Containerfile", "docparse.service", "nginx.conf.sample"):
        text = text_of(root, "deploy", name)
        served = re.findall(r'(?:docparse serve|"docparse", "serve",) ?([^\n]*)', text)
        for line in served:
            for flag in re.findall(r"--([a-z-]+)", line):
                if flag not in known:
                    yield "%s: docparse serve has no option --%s" % (name, flag)
    container = text_of(root, "deploy", "Containerfile")
    for words, why in (("USER 10001", "must not run as root"), ("HEALTHCHECK", "needs a health check"), ("ENTRYPOINT [", "signals must reach the program")):
        if words not in container:
            yield "Containerfile: %s" % why
    for path in re.findall(r"deploy/[\w.-]+", container + text_of(root, "deploy", "docparse.service")):
        if not os.path.exists(os.path.join(root, path)):
            yield "Containerfile, docparse.service: there is no %s" % path


def run(*command, **kw):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def check_nginx(root, folder):
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not nginx or not shutil.which("openssl"):
        print("SKIP: no nginx here: nginx.conf.sample is only read by this test")
        return
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder + "/server.key", "-out", folder + "/server.pem", "-days", "2", "-subj", "/CN=x")
    with open(folder + "/site.conf", "w") as f:
        f.write(text_of(root, "deploy", "nginx.conf.sample").replace("/etc/docparse", folder).replace("listen 443", "listen 127.0.0.1:18443").replace("listen 80", "listen 127.0.0.1:18080"))
    with open(folder + "/nginx.conf", "w") as f:
        places = "".join("%s_temp_path %s/%s; " % (kind, folder, kind) for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        f.write("pid %s/pid; error_log stderr; events {} http { access_log off; %s include %s/site.conf; }" % (folder, places, folder))
    code, said = run(nginx, "-t", "-q", "-c", folder + "/nginx.conf")
    if code != 0:
        yield "nginx.conf.sample: %s" % said


def check_unit(root, folder):
    text = text_of(root, "deploy", "docparse.service")
    if re.search(r"^MemoryDenyWriteExecute=yes", text, re.M):
        yield "docparse.service: MemoryDenyWriteExecute stops oneDNN, which writes machine code"
    stop, grace = re.search(r"^TimeoutStopSec=(\d+)", text, re.M), re.search(r"^grace = (\d+)", text_of(root, "deploy", "docparse.conf.sample"), re.M)
    if int(stop.group(1)) <= int(grace.group(1)):
        yield "docparse.service: TimeoutStopSec must be longer than grace"
    if not shutil.which("systemd-analyze"):
        print("SKIP: no systemd-analyze here: docparse.service is only read by this test")
        return
    path = os.path.join(folder, "docparse.service")
    with open(path, "w") as f:
        f.write(text.replace("/usr/bin/docparse", "/bin/true"))
    code, said = run("systemd-analyze", "verify", "--man=no", path)
    if said:
        yield "docparse.service: %s" % said
    code, said = run("systemd-analyze", "security", "--offline=yes", "--threshold=25", path)
    if code != 0 and "Overall exposure" in said:
        yield "docparse.service: %s" % said.splitlines()[-1]


def check_packages(root, program):
    """The list of packages that the container installs."""
    if not shutil.which("dpkg-query"):
        print("SKIP: no dpkg here: deploy/runtime-packages.sh is not run")
        return
    code, said = run("bash", os.path.join(root, "deploy", "runtime-packages.sh"), program)
    missing = {"libc6", "libgrpc29", "libpoppler-glib8", "libsqlite3-0", "poppler-data"} - set(said.splitlines())
    if code != 0 or missing:
        yield "runtime-packages.sh: exit code %d, without %s: %s" % (code, sorted(missing), said[-300:])


def check(root, program=None):
    found = [problem for one in (check_dashboard, check_runbook, check_flags) for problem in one(root)]
    with tempfile.TemporaryDirectory() as folder:
        return found + list(check_nginx(root, folder)) + list(check_unit(root, folder)) + (list(check_packages(root, program)) if program else [])


if __name__ == "__main__":
    problems = check(*sys.argv[1:3])
    print("\n".join(problems) or "deploy: fine")
    sys.exit(1 if problems else 0)
