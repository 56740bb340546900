"""A trained model, its pictures, and what oscar makes of them in one process."""

import contextlib
import filecmp
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from oscar_distributed import find_oscar  # noqa: E402

OSCAR = find_oscar()
# Files that tell how results were made, not what they are.
MADE = {"SHA256SUMS", "command.json", "units.jsonl", ".lock"}


def oscar(*arguments, **more):
    return subprocess.run([OSCAR, *map(str, arguments)], check=True, capture_output=True, text=True, **more).stdout


# Of a job in a store: they are named by times, which a store has in seconds.
STORED = ("parts", "sums", "commits")


def differences(a, b, without=()):
    """The files below two folders that are not the same, but those in the folders `without`."""

    def files(top):
        found = {os.path.relpath(os.path.join(d, f), top) for d, _, names in os.walk(top) for f in names if f not in MADE}
        return {f for f in found if f.split(os.sep)[0] not in without}

    one, two = files(a), files(b)
    return sorted((one ^ two) | {f for f in one & two if not filecmp.cmp(os.path.join(a, f), os.path.join(b, f), shallow=False)})


class S3:
    """An S3 server on loopback with the bucket "bucket": versitygw, whose objects are files."""

    def __init__(self, root):
        self.root = root
        os.makedirs(os.path.join(root, "bucket"), exist_ok=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % s.getsockname()[1]
        os.environ.update(AWS_ENDPOINT_URL_S3=f"http://{self.address}", AWS_ACCESS_KEY_ID="access", AWS_SECRET_ACCESS_KEY="secretsecret", AWS_REGION="us-east-1")
        self.start()

    def start(self):
        command = [os.environ["OSCAR_S3_SERVER"], "--access", "access", "--secret", "secretsecret", "--quiet", "--port", self.address, "posix", self.root]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        host, port = self.address.split(":")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 5):
                return
            time.sleep(0.05)
        raise TimeoutError("the S3 server does not listen")

    def kill(self):
        self.process.kill()
        self.process.wait()


# In the environment of all that these tests start.
MARK = f"OSCAR_DISTRIBUTED_TEST={os.getpid()}"
os.environ.update([MARK.split("=")])


def processes(words):
    """The processes of these tests whose command line has these words."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ") as f:
                if MARK not in f.read().split("\0"):
                    continue
            with open(f"/proc/{pid}/cmdline") as f:
                if words in f.read().replace("\0", " "):
                    found.append(int(pid))
        except OSError:
            continue
    return found


class Case(unittest.TestCase):
    """Tests in a folder with `run`, `photos` (36 pictures and a file that is none), `plain`."""

    explain = ("explain", "run", "photos", "--batch", "4", "--threads", "1", "--out")

    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="oscar-distributed-")
        cls.addClassCleanup(shutil.rmtree, cls.top, ignore_errors=True)
        cls.addClassCleanup(os.chdir, os.getcwd())
        os.chdir(cls.top)
        oscar("synthesize", "shapes", "--per-class", 6, "--width", 48, "--height", 40)
        oscar("train", "shapes/images", "--out", "run", "--arch", "tiny", "--epochs", 1, "--threads", 1)
        os.rename("shapes/images", "photos")
        with open("photos/can/note.txt", "w") as f:
            f.write("no picture\n")
        oscar(*cls.explain, "plain")

    def assertSame(self, a, b):
        self.assertEqual(differences(a, b), [])
