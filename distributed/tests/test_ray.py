"""Ray: the same bytes as one process, also when processes are killed."""

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import unittest.mock
import urllib.request

from common import OSCAR, S3, STORED, Case, Program, command, differences, oscar, outside, processes

missing = ""
try:
    import numpy as np
    import ray
    from oscar_distributed import Job, on_ray
    from oscar_distributed.maps import Explain
except ModuleNotFoundError as e:
    missing = f"no {e.name}: pip install './distributed[ray]'"

WORKER = "worker --end-with-parent"

no_metrics = ""
try:
    import opencensus  # noqa: F401
    import prometheus_client  # noqa: F401
except ModuleNotFoundError as e:
    no_metrics = f"no {e.name}: pip install 'ray[default]'"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def scrape(port):
    """The samples of oscar at a metrics port, by name and the folder of the results."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = {}
    for name, labels, value in re.findall(r"^ray_oscar_(\w+)\{(.*)\} (\S+)$", text, re.MULTILINE):
        out = re.search(r'out="([^"]*)"', labels)
        found[name, os.path.basename(out[1]) if out else ""] = float(value)
    return found


@unittest.skipIf(missing, missing)
class TestRay(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.port = 0 if no_metrics else free_port()
        on_ray.connect(None, metrics=cls.port, cpus=4)
        cls.addClassCleanup(ray.shutdown)

    def do(self, out, call=None, workers=2, **options):
        job = Job(OSCAR, [*(call or self.explain), out])
        with unittest.mock.patch("sys.stderr", io.StringIO()) as said:
            failed = on_ray.run(job, ["--threads", "1"], workers=workers, **options)
        return job, failed, said.getvalue()

    def test_explain(self):
        job, failed, _ = self.do("explained")
        self.assertEqual(failed, [])
        job.merge([])
        self.assertSame("plain", "explained")

    def test_only_loopback(self):
        self.assertEqual(outside(), set())

    def test_more_workers_than_processors(self):
        """Those that the cluster cannot start get no unit, and the others do all."""
        job, failed, said = self.do("many", workers=6, timeout=60)
        self.assertEqual(failed, [], said)
        self.assertNotIn("try 2", said)
        job.merge([])
        self.assertSame("plain", "many")

    def test_predict_and_score(self):
        job, failed, _ = self.do("predicted", ("predict", "run", "photos", "--batch", "1", "--out"))
        self.assertEqual(failed, [])
        job.merge([])
        oscar("predict", "run", "photos", "--batch", "1", "--out", "plain.csv")
        with open("plain.csv") as a, open("predicted/predictions.csv") as b:
            self.assertEqual(a.read(), b.read())
        call = ("score", "run", "photos", "--split", "all", "--method", "gradcam", "--metric", "gini", "--per-class", "1", "--threads", "1", "--out")
        job, failed, _ = self.do("scored", call)
        self.assertEqual(failed, [])
        job.merge([])
        oscar(*call, "plainscored")
        self.assertSame("plainscored", "scored")

    def test_study(self):
        """Four workers train the weights of one process."""
        with open("study.yaml", "w") as f:
            f.write("{name: small, base: {architecture: tiny, training: {batch: 8}}, epochs: 1, seeds: [1, 2], explain: {images: 1, mosaics: 0}, ")
            f.write("variants: [{name: baseline}, {name: none, why: no dropout, without: [dropout]}]}")
        job, failed, _ = self.do("studied", ("study", "study.yaml", "photos", "--threads", "1", "--out"), workers=4)
        self.assertEqual(failed, [])
        job.merge(["--threads", "1"])
        oscar("study", "run", "study.yaml", "photos", "--threads", "1", "--out", "plainstudy")
        for run in ("baseline-1", "baseline-2", "none-1", "none-2"):
            self.assertEqual(differences(f"plainstudy/runs/{run}/saved_model/variables", f"studied/runs/{run}/saved_model/variables"), [])
            self.assertEqual(differences(f"plainstudy/scores/{run}", f"studied/scores/{run}"), [])

    def test_folds(self):
        """Two workers train the folds of one process."""
        call = ("train", "photos", "--folds", "2", "--arch", "tiny", "--epochs", "1", "--threads", "1", "--out")
        job, failed, _ = self.do("folds", call)
        self.assertEqual(failed, [])
        job.merge([])
        oscar(*call, "plainfolds")
        with open("plainfolds/predictions.csv") as a, open("folds/predictions.csv") as b:
            self.assertEqual(a.read(), b.read())
        for run in ("fold-1", "fold-2"):
            self.assertEqual(differences(f"plainfolds/{run}/saved_model/variables", f"folds/{run}/saved_model/variables"), [])

    def check_killed(self, words, out):
        """Processes are killed while they work; each unit is done once."""
        stop = threading.Event()
        killed = []

        def kill():
            while len(killed) < 3 and not stop.wait(0.05):
                for pid in processes(words)[:1]:
                    if pid not in killed:
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)

        killer = threading.Thread(target=kill)
        killer.start()
        job, failed, said = self.do(out, tries=9)
        stop.set()
        killer.join()
        self.assertEqual(failed, [], said)
        self.assertTrue(killed)
        job.merge([])
        self.assertSame("plain", out)

    def test_killed_workers(self):
        self.check_killed(WORKER, "killed")

    def test_killed_actors(self):
        self.check_killed("ray::OscarWorker", "killedactors")

    def test_a_unit_that_cannot_be_done(self):
        """It fails at once, the others are done; the same call does what is left."""
        picture = "photos/tray/0005.png"
        with open(picture, "rb") as f:
            whole = f.read()
        stat = os.stat(picture)
        job = Job(OSCAR, [*self.explain, "changed"])
        with open(picture, "ab") as f:
            f.write(b"more")
        with unittest.mock.patch("sys.stderr", io.StringIO()) as said:
            failed = on_ray.run(job, ["--threads", "1"], workers=2)
        self.assertEqual(len(failed), 1)
        self.assertIn("have changed since the plan", failed[0].error)
        self.assertNotIn("try 2", said.getvalue())
        with open(picture, "wb") as f:
            f.write(whole)
        os.utime(picture, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        job, failed, said = self.do("changed")
        self.assertEqual(failed, [])
        self.assertIn("9 done before", said)
        job.merge([])
        self.assertSame("plain", "changed")

    @unittest.skipIf(no_metrics, no_metrics)
    def test_metrics(self):
        """What Ray exports is what was done, also of a second call."""
        want = {"units": 10, "units_done": 10, "units_failed": 0, "workers": 2, "workers_busy": 0, "images_total": 37}
        job, failed, _ = self.do("counted")
        self.assertEqual(failed, [])
        self.do("counted")  # nothing is left to do
        job.merge([])
        until, got = time.monotonic() + 60, {}
        while time.monotonic() < until:
            try:
                got = {name: value for (name, out), value in scrape(self.port).items() if out == "counted"}
            except OSError:
                pass  # the exporter starts after the cluster
            if {k: got.get(k) for k in want} == want:
                break
            time.sleep(1)
        self.assertEqual({k: got.get(k) for k in want}, want, got)
        self.assertGreater(got["unit_seconds_total"], 0)

    def test_ray_data(self):
        pictures = [f"photos/can/000{i}.png" for i in range(4)] + ["photos/can/note.txt"]
        items = []
        for p in pictures:
            with open(p, "rb") as f:
                items.append({"content": f.read(), "path": p})
        arguments = {"model": os.path.abspath("run"), "oscar": OSCAR}
        ds = ray.data.from_items(items).map_batches(Explain, fn_constructor_kwargs=arguments, concurrency=1, batch_size=3)
        got = {r["path"]: r for r in ds.take_all()}
        with open("plain/manifest.jsonl") as f:
            rows = {r["image"]: r for r in map(json.loads, f)}
        for p in pictures:
            self.assertEqual(got[p]["class"], rows[p].get("predicted") or "")
            self.assertEqual(got[p]["status"], rows[p]["status"])
            if rows[p]["map"]:
                want = np.load(os.path.join("plain", rows[p]["map"]))
                self.assertLess(np.abs(np.array([list(r) for r in got[p]["map"]]) - want).max(), 1e-5)


@unittest.skipIf(missing, missing)
@unittest.skipUnless("OSCAR_S3_SERVER" in os.environ, "OSCAR_S3_SERVER names no S3 server")
class TestStore(Case):
    def test_store(self):
        """A job in a bucket, whose server is killed and starts again."""
        server = S3(os.path.join(self.top, "s3"))
        self.addCleanup(server.kill)
        for name in ("run", "photos"):
            shutil.copytree(name, os.path.join(server.root, "bucket", "job", name))
        call = subprocess.Popen(command("ray", "--workers", "2", "--store", "s3://bucket/job", *self.explain, "stored"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        commits = os.path.join(server.root, "bucket", "job", "stored", "commits")
        while call.poll() is None and not (os.path.isdir(commits) and os.listdir(commits)):
            time.sleep(0.05)
        server.kill()
        time.sleep(1)
        server.start()
        said, _ = call.communicate()
        self.assertEqual(call.returncode, 0, said)
        self.assertIn("37 images, 37 rows: 36 ok, 1 unreadable", said)
        self.assertEqual(differences("plain", os.path.join(server.root, "bucket", "job", "stored"), STORED), [])


@unittest.skipIf(missing, missing)
class TestCommand(Case):
    def test_command_line(self):
        done = subprocess.run(command("ray", "--workers", "1", *self.explain, "called"), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("37 images, 37 rows: 36 ok, 1 unreadable", done.stdout)
        self.assertEqual(differences("plain", "called"), [])
        time.sleep(0.5)
        self.assertEqual(processes(WORKER), [])

    def test_bad_addresses(self):
        """Each is a failure in one line."""
        closed = f"127.0.0.1:{free_port()}"
        for address, reason in ((closed, "Connection refused"), (f"ray://{closed}", "Connection refused"), ("nowhere", "Invalid address format")):
            done = subprocess.run(command("ray", "--address", address, *self.explain, "bad"), capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, rf"\Aoscar: cannot join the Ray cluster at {address}: {reason}.*\n\Z")
        done = subprocess.run(command("ray", "--address", closed, "--metrics", "1", *self.explain, "bad"), capture_output=True, text=True)
        self.assertIn("--metrics need a cluster that this command starts", done.stderr)


# What the head node of a cluster knows, for a process that joins it.
STATE = """
import json, sys, ray, ray._private.state as state
ray.init(address=sys.argv[1], logging_level="ERROR")
jobs = [j["Entrypoint"] for j in state.jobs() if j["IsDead"]]
print(json.dumps({"alive": [n["Alive"] for n in ray.nodes()], "free": ray.available_resources().get("CPU"), "jobs": jobs}))
"""


@unittest.skipIf(missing, missing)
class TestCluster(Case):
    """A cluster of `ray start` on loopback, which asks for a token."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        port, cls.client = free_port(), free_port()
        cls.address = f"127.0.0.1:{port}"
        cls.token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 2}
        cls.loopback = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # else Ray replaces 127.0.0.1
        start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--node-ip-address", "127.0.0.1", "--port", port, "--num-cpus", 2]
        start += ["--ray-client-server-port", cls.client, "--dashboard-agent-listen-port", free_port(), "--include-dashboard=false", "--disable-usage-stats"]
        # Sockets have short paths.
        cluster = Program([*map(str, start), "--temp-dir", os.path.join(cls.top, "r")], "ray.log", **cls.token, **cls.loopback)
        cls.addClassCleanup(cluster.stop)
        cluster.says("(block forever)")

    def state(self):
        done = subprocess.run([sys.executable, "-c", STATE, self.address], capture_output=True, text=True, env={**os.environ, **self.token, **self.loopback})
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_address(self):
        self.check_command("ray", "--address", self.address, environment=self.token)
        state = self.state()
        self.assertEqual((state["alive"], state["free"]), ([True], 2))
        for verb in ("explain", "predict"):
            self.assertTrue([j for j in state["jobs"] if "on_ray" in j and verb in j], state)
        self.assertEqual(outside(), set())

    def test_client(self):
        """The address of Ray's client server."""
        done = subprocess.run(command("ray", "--address", f"ray://127.0.0.1:{self.client}", *self.explain, "client"), capture_output=True, text=True, env={**os.environ, **self.token})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertSame("plain", "client")

    def test_wrong_token(self):
        wrong = {**os.environ, **self.token, "RAY_AUTH_TOKEN": "f" * 32}
        done = subprocess.run(command("ray", "--address", self.address, *self.explain, "bad"), capture_output=True, text=True, env=wrong)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr.splitlines()[-1], f"^oscar: cannot join the Ray cluster at {self.address}: .*token is missing or incorrect")


if __name__ == "__main__":
    unittest.main()
