"""Spark: the same bytes as one process; a pandas_udf for pictures in a table."""

import http.server
import io
import json
import os
import shutil
import subprocess
import threading
import unittest
import unittest.mock
import urllib.request

from common import OSCAR, Case, Program, command, outside, until

missing = "" if shutil.which("java") else "no java, which Spark runs on"
try:
    import pyspark
    from oscar_distributed import Job, on_spark
    from oscar_distributed.maps import explain_udf
    from pyspark.sql import SparkSession
except ModuleNotFoundError as e:
    missing = f"no {e.name}: pip install './distributed[spark]'"


@unittest.skipIf(missing, missing)
class TestSpark(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sc = on_spark.context("local[2]", "test")
        cls.addClassCleanup(cls.sc.stop)

    def test_explain(self):
        job = Job(OSCAR, [*self.explain, "explained"])
        with unittest.mock.patch("sys.stderr", io.StringIO()):
            failed = on_spark.run(self.sc, job, ["--threads", "1"], partitions=4)
        self.assertEqual(failed, [])
        job.merge([])
        self.assertSame("plain", "explained")

    def test_the_reason_of_a_failure(self):
        def fail(_):
            raise ValueError("no such thing")

        with self.assertRaises(Exception) as e:
            self.sc.parallelize([1], 1).map(fail).collect()
        self.assertEqual(on_spark._reason(e.exception), "ValueError: no such thing")

    def test_pipe(self):
        """Spark's own pipe runs workers, too."""
        job = Job(OSCAR, [*self.explain, "piped"])
        lines = [line.decode().rstrip() for line in job.units()]
        outcomes = self.sc.parallelize(lines, 2).pipe(f"{OSCAR} worker --threads 1", checkCode=True).collect()
        self.assertEqual([json.loads(o)["ok"] for o in outcomes], [True] * len(lines))
        job.merge([])
        self.assertSame("plain", "piped")

    def test_udf(self):
        session = SparkSession(self.sc)
        names = ["photos/can/0000.png", "photos/box/0001.png", "photos/can/note.txt"]
        rows = []
        for n in names:
            with open(n, "rb") as f:
                rows.append((n, bytearray(f.read())))
        frame = session.createDataFrame(rows, "path string, content binary")
        udf = explain_udf(os.path.abspath("run"), oscar=OSCAR)
        got = {r["path"]: r["e"] for r in frame.select("path", udf("content").alias("e")).collect()}
        with open("plain/manifest.jsonl") as f:
            want = {r["image"]: r for r in map(json.loads, f)}
        for n in names:
            self.assertEqual(got[n]["class"], want[n].get("predicted") or "")
            self.assertEqual(got[n]["status"], want[n]["status"])
        self.assertAlmostEqual(max(v for r in got[names[0]]["map"] for v in r), want[names[0]]["raw_max"], places=5)

    def test_only_loopback(self):
        self.assertEqual(outside(), set())


def spark(name, log, *arguments):
    """A process of a standalone cluster on loopback."""
    home = os.path.dirname(pyspark.__file__)
    start = [os.path.join(home, "bin", "spark-class"), f"org.apache.spark.deploy.{name.lower()}.{name}", "--host", "127.0.0.1", "--webui-port", "0"]
    return Program([*start, *arguments], log, SPARK_HOME=home, SPARK_LOCAL_IP="127.0.0.1")


@unittest.skipIf(missing, missing)
class TestCluster(Case):
    """A standalone cluster."""

    def master(self, name):
        master = spark("Master", f"{name}.log", "--port", "0")
        self.addCleanup(master.stop)
        self.page = "http://127.0.0.1:" + master.says(r"'MasterUI' on port (\d+)") + "/json/"
        return "spark://127.0.0.1:" + master.says(r"'sparkMaster' on port (\d+)")

    def worker(self, address):
        folder = os.path.join(self.top, "work" + address.rsplit(":")[-1])
        worker = spark("Worker", f"{folder}.log", "--cores", "2", "--memory", "1g", "--work-dir", folder, address)
        self.addCleanup(worker.stop)
        worker.says("(Successfully registered)")
        return folder

    def state(self):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.page) as answer:
            return json.load(answer)

    def test_master(self):
        address = self.master("master")
        self.worker(address)
        self.check_command("spark", "--master", address)
        until(lambda: self.state()["coresused"] == 0 and not self.state()["activeapps"])
        state = self.state()
        self.assertEqual((state["status"], state["aliveworkers"], state["coresused"], state["activeapps"]), ("ALIVE", 1, 0, []))
        self.assertEqual({(a["name"], a["state"]) for a in state["completedapps"]}, {("oscar explain", "FINISHED"), ("oscar predict", "FINISHED")})

    def test_no_worker(self):
        """The command says that it waits for one, and goes on when there is one."""
        address = self.master("waited")
        call = subprocess.Popen(command("spark", "--master", address, *self.explain, "waited"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(call.wait)
        self.addCleanup(call.kill)
        said = ""
        while "no task runs" not in said:
            line = call.stderr.readline()
            self.assertTrue(line, said)
            said += line
        self.assertEqual(outside(), set())
        self.worker(address)
        said += call.communicate()[1]
        self.assertEqual(call.returncode, 0, said)
        self.assertSame("plain", "waited")

    def test_executors_that_do_not_start(self):
        address = self.master("failed")
        folder = self.worker(address)
        os.rmdir(folder)
        with open(folder, "w"):
            pass
        done = subprocess.run(command("spark", "--master", address, *self.explain, "failed"), capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("the cluster ended the application", done.stderr.splitlines()[-1])
        self.assertEqual(self.state()["status"], "ALIVE")

    def test_bad_addresses(self):
        """Each is a failure in one line."""
        quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
        page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), quiet)
        self.addCleanup(page.server_close)
        threading.Thread(target=page.serve_forever, daemon=True).start()
        self.addCleanup(page.shutdown)
        for address, reason in (
            ("spark://127.0.0.1:1", "Connection refused"),
            ("spark:127.0.0.1:1", "want spark://HOST:PORT"),
            (f"spark://127.0.0.1:{page.server_port}", "another service answers there: '<!DOCTYPE HTML>'"),
        ):
            done = subprocess.run(command("spark", "--master", address, *self.explain, "bad"), capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertEqual(done.stderr, f"oscar: cannot join the Spark cluster at {address}: {reason}\n")


if __name__ == "__main__":
    unittest.main()
