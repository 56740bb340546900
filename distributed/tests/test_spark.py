"""Spark: the same bytes as one process; a pandas_udf for pictures in a table."""

import io
import json
import os
import shutil
import unittest
import unittest.mock

from common import OSCAR, Case

missing = "" if shutil.which("java") else "no java, which Spark runs on"
try:
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


if __name__ == "__main__":
    unittest.main()
