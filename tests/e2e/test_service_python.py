# SPDX-License-Identifier: Apache-2.0
"""The client of schemas/README.md, as pasted: stubs by the same command, the same program, only the server's port another."""
import os, re, subprocess, sys

from e2e import SOURCE, main
from service import Server, ServiceCase


def blocks():
    with open(os.path.join(SOURCE, "schemas", "README.md"), encoding="utf-8") as f:
        section = f.read().split("## A client in Python")[1]
    return re.findall(r"```(\w*)\n(.*?)```", section, re.S)


class Pasted(ServiceCase):
    def test_client_of_the_readme(self):
        (_, commands), (language, program) = blocks()
        self.assertEqual(language, "python")
        server = Server(self)
        for name in ("schemas", "corpora"):
            os.symlink(os.path.join(SOURCE, name), self.at(name))
        os.mkdir(self.at("client"))
        self.write("client/read.py", program.replace("127.0.0.1:50051", "127.0.0.1:%d" % server.port))
        done = subprocess.run(["sh", "-ec", commands.replace("python3", sys.executable)], cwd=self.folder, capture_output=True, text=True, timeout=300)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("1 BLOCK_TYPE_TITLE Water use of the town of Arnsholt, 2024\n", done.stdout)
        self.assertIn("\n# Water use of the town of Arnsholt, 2024\n", done.stdout)


if __name__ == "__main__":
    try:
        import grpc_tools  # noqa: F401
    except ImportError:
        print("SKIP: python3-grpc-tools is not installed")
        sys.exit(77)
    main()
