"""The parts that need no engine, with programs in oscar's place."""

import contextlib
import io
import os
import socket
import stat
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from oscar_distributed import address  # noqa: E402
from oscar_distributed import Failed, Job, Outcome, Worker  # noqa: E402
from oscar_distributed.arguments import flags_of, parse, parser  # noqa: E402
from oscar_distributed.job import Progress, attempt, pause  # noqa: E402


def program(test, text):
    """A Python program in oscar's place."""
    with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as f:
        f.write(f"#!{sys.executable}\nimport json, os, signal, sys\n{text}")
    test.addCleanup(os.remove, f.name)
    os.chmod(f.name, stat.S_IRWXU)
    return f.name


ECHO = """
for line in sys.stdin:
    unit = json.loads(line)
    if unit.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    if unit.get("stop"):
        os.kill(os.getpid(), signal.SIGSTOP)
    print(json.dumps({"format": 1, "id": unit["id"], "ok": True, "images": len(line)}), flush=True)
"""


class TestWorker(unittest.TestCase):
    def worker(self, text, timeout=20.0):
        w = Worker(program(self, text), [], timeout)
        self.addCleanup(w.close)
        return w

    def test_one_process_for_its_life(self):
        w = self.worker(ECHO)
        pids = set()
        for i in range(3):
            self.assertTrue(attempt(w, b'{"id":"%d"}\n' % i).ok)
            pids.add(w.process.pid)
        self.assertEqual(len(pids), 1)

    def test_long_lines(self):
        w = self.worker(ECHO)
        line = b'{"id":"' + b"x" * 1_000_000 + b'"}'
        self.assertEqual(attempt(w, line).images, len(line) + 1)

    def test_death_is_another_try(self):
        w = self.worker(ECHO)
        o = attempt(w, b'{"id":"a","die":1}')
        self.assertEqual((o.id, o.ok, o.retry), ("a", False, True))
        self.assertIn("status -9", o.error)
        self.assertTrue(attempt(w, b'{"id":"b"}').ok)

    def test_a_stopped_worker_is_killed(self):
        w = self.worker(ECHO, timeout=0.5)
        began = time.monotonic()
        o = attempt(w, b'{"id":"a","stop":1}')
        self.assertLess(time.monotonic() - began, 5)
        self.assertTrue(o.retry)
        self.assertIn("did not answer in 0.5 s", o.error)

    def test_another_version(self):
        w = self.worker('print(json.dumps({"format": 2, "id": "a", "ok": True}), flush=True); sys.stdin.read()')
        with self.assertRaisesRegex(ValueError, "format 2, want 1"):
            attempt(w, b'{"id":"a"}')

    def test_no_program(self):
        with self.assertRaises(FileNotFoundError):
            Worker("/no/oscar", [], 1).do(b"{}")


class TestJob(unittest.TestCase):
    def test_plan(self):
        with tempfile.TemporaryDirectory() as top:
            lines = "".join('{"id": "%d", "from": "%s", "out": "o"}\n' % (i, top) for i in range(3))
            text = f'os.makedirs({top!r} + "/o")\nopen({top!r} + "/o/units.jsonl", "w").write({lines!r})\nprint({lines!r}, end="")'
            job = Job(program(self, text), ["explain", "m", "p", "--out", "o"])
            self.assertEqual((job.verb, job.count, job.dir), ("explain", 3, os.path.join(top, "o")))
            with open(job.units_file, "rb") as f:
                whole = f.read()
            self.assertEqual([whole[a : a + n] for a, n in job.offsets()], list(job.units()))

    def test_a_plan_that_fails(self):
        with self.assertRaisesRegex(Failed, "status 2"):
            Job(program(self, "sys.exit(2)"), ["explain"])


class TestProgress(unittest.TestCase):
    def test_lines(self):
        to = io.StringIO()
        p = Progress("explain", 3, to)
        p.add(Outcome("a", True, images=4, earlier=True))
        p.add(Outcome("b", True, images=4))
        p.retried(Outcome("c", False, error="disk full", retry=True), 1)
        p.add(Outcome("c", True, images=4))
        p.end()
        said = to.getvalue()
        self.assertIn("c: disk full; try 2\n", said)
        self.assertRegex(said, r"explain  3/3 units  1 done before  [0-9.]+ images/s\n$")

    def test_pauses_grow_to_a_bound(self):
        self.assertEqual([pause(n) for n in (1, 2, 3)], [0.5, 1, 2])
        self.assertEqual(pause(20), 30)


class TestArguments(unittest.TestCase):
    def test_what_follows_the_verb_is_oscars(self):
        o = parse(parser("ray"), ["--workers", "3", "explain", "m", "p", "--out", "d", "--workers", "9", "--trust"])
        self.assertEqual((o.workers, o.call), (3, ["explain", "m", "p", "--out", "d", "--workers", "9", "--trust"]))
        self.assertEqual(flags_of(o)[1], ["--threads", "1", "--trust"])

    def test_the_store_is_the_verbs_too(self):
        for call in (["--store", "s3://b/p", "explain", "m"], ["explain", "--store", "s3://b/p", "m"], ["explain", "m", "--store=s3://b/p"]):
            o = parse(parser("ray"), call)
            self.assertEqual((o.store, o.call), ("s3://b/p", ["explain", "m"]))
        o = parse(parser("ray"), ["explain", "m", "--scratch", "/s"])
        self.assertEqual((o.store, o.call), ("", ["explain", "m", "--scratch", "/s"]))
        self.assertEqual(flags_of(o), (["--threads", "1", "--scratch", "/s", "--workers", "1"], ["--threads", "1", "--scratch", "/s"]))

    def test_wrong_ones(self):
        for argv in ([], ["paint"], ["--tries", "0", "explain"], ["--workers", "-1", "explain"]):
            with self.assertRaises(SystemExit), unittest.mock.patch("sys.stderr", io.StringIO()):
                parse(parser("ray"), argv)


class TestAddress(unittest.TestCase):
    def test_split(self):
        for text, want in (
            ("127.0.0.1:6379", ("127.0.0.1", 6379)),
            ("head.example:1", ("head.example", 1)),
            ("[::1]:7077", ("::1", 7077)),
            ("auto", None),
            ("head", None),
            ("head:70777", None),
            ("::1:7077", None),
            ("http://head:80", None),
        ):
            self.assertEqual(address.split(text), want, text)

    def test_closed(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
            self.assertEqual(address.why_closed("127.0.0.1", port, 0), "Connection refused")
            s.listen()
            self.assertEqual(address.why_closed("127.0.0.1", port, 0), "")
        self.assertNotEqual(address.why_closed("no.such.host.invalid", 1), "")

    def test_answer(self):
        """Services that answer are told from those that wait, and from TLS."""
        for said, want in (
            (b"HTTP/1.1 505 HTTP/0.9 not supported\r\nContent-Type: text/html", "HTTP/1.1 505 HTTP/0.9 not supported"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0-OpenSSH_9.6"),
            (b"\x00\x00\x12\x04", "\x00\x00\x12\x04"),  # HTTP/2
            (b"\x15\x03\x03\x00\x02\x02\x0a", ""),
            (b"", ""),  # closes the connection
            (None, ""),  # waits
        ):
            with self.subTest(said=said), socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as held:

                def serve():
                    connection = held.enter_context(server.accept()[0])
                    if said is not None:
                        self.assertEqual(len(connection.recv(80)), 7)
                        self.assertEqual(connection.recv(80), b"")
                        connection.sendall(said)
                        connection.shutdown(socket.SHUT_WR)

                thread = threading.Thread(target=serve)
                thread.start()
                self.assertEqual(address.answer("127.0.0.1", server.getsockname()[1], 0.3), want)
                thread.join()

    def test_loopback(self):
        found = [address.is_loopback(h) for h in ("127.0.0.1", "127.1.2.3", "::1", "192.0.2.1", "0.0.0.0", "no.such.host.invalid")]
        self.assertEqual(found, [True, True, True, False, False, False])


if __name__ == "__main__":
    unittest.main()
