# SPDX-License-Identifier: Apache-2.0
"""Decoder processes seen from outside, and a page that keeps one busy."""
import os, random

TICKS = os.sysconf("SC_CLK_TCK")


def slow_page(curves):
    """A page of so many random curves: about a second for 4000."""
    r = random.Random(1)
    return b"".join(b"%d %d m %d %d %d %d %d %d c S\n" % tuple(r.randint(0, 700) for _ in range(8)) for _ in range(curves))


def stat(pid):
    """The fields of /proc/PID/stat behind the name, or None when it is gone: state, ppid, ..., utime at 11, stime at 12."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        fields = stat(int(name)) if name.isdigit() else None
        if fields and int(fields[1]) == pid and fields[0] not in "ZX":
            found.append(int(name))
    return found


def cpu(pid):
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else -1.0


def name_of(pid):
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().strip()
    except OSError:
        return ""


def decoders(program):
    """Not the spare fork server, which is a child of the first one."""
    return [d for server in children(program) for d in children(server) if name_of(d) == "docparse-decode"]
