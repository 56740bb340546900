"""A trained model, its pictures, and what oscar makes of them in one process."""

import atexit
import contextlib
import filecmp
import glob
import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, PACKAGE)
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


def until(condition, seconds=600):
    """Waits until the condition is true, or so long. Returns its last value."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return value


def outside():
    """The addresses but loopback that processes of these tests listen on."""
    inodes = set()
    for pid in [os.getpid(), *processes("")]:
        for file in glob.glob(f"/proc/{pid}/fd/*"):
            with contextlib.suppress(OSError):
                inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(file)))
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table) as f:
            for line in f.readlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:  # it listens
                    digits, port = fields[1].split(":")
                    words = [bytes.fromhex(digits[i : i + 8])[::-1] for i in range(0, len(digits), 8)]
                    address = ipaddress.ip_address(b"".join(words))
                    address = getattr(address, "ipv4_mapped", None) or address
                    if not address.is_loopback:
                        found.add(f"{address}:{int(port, 16)}")
    return found


def command(engine, *arguments):
    """The command line of oscar-ray or oscar-spark."""
    return [sys.executable, "-m", f"oscar_distributed.on_{engine}", "--oscar", OSCAR, *arguments]


class Program:
    """A process of a cluster and those that it starts, without the package of oscar. What it says is in a file."""

    def __init__(self, command, log, **environment):
        self.log = log
        path = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p and os.path.realpath(p) != os.path.realpath(PACKAGE)]
        with open(log, "wb") as f:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), **environment}
            self.process = subprocess.Popen(command, stdout=f, stderr=f, env=environment, start_new_session=True)
        atexit.register(self.stop)

    def says(self, pattern):
        """Waits for a line, and returns the group of the pattern."""

        def find():
            with open(self.log) as f:
                text = f.read()
            found = re.search(pattern, text)
            if not found and self.process.poll() is not None:
                raise RuntimeError(f"{self.process.args} ended:\n{text}")
            return found

        found = until(find)
        if not found:
            raise TimeoutError(f"{self.process.args} does not say {pattern}")
        return found[1]

    def stop(self):
        """Ends the process, and what it has left."""
        atexit.unregister(self.stop)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


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

    def check_command(self, engine, *options, environment=None):
        """The command line explains and predicts with the bytes of one process, and leaves no process."""
        before = set(processes(""))
        predict = ("predict", "run", "photos", "--batch", "4", "--threads", "1", "--out")
        for call, out in ((self.explain, f"{engine}explained"), (predict, f"{engine}predicted")):
            done = subprocess.run(command(engine, *options, *call, out), capture_output=True, text=True, env={**os.environ, **(environment or {})})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("36 ok", done.stdout)
            until(lambda: set(processes("")) <= before)
            self.assertLessEqual(set(processes("")), before)
        self.assertSame("plain", f"{engine}explained")
        oscar(*predict, "plain.csv")
        with open("plain.csv", "rb") as a, open(f"{engine}predicted/predictions.csv", "rb") as b:
            self.assertEqual(a.read(), b.read())

    def assertSame(self, a, b):
        self.assertEqual(differences(a, b), [])
