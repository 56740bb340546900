"""The units of a job on Spark: each Python worker of an executor holds an oscar worker."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from pyspark import SparkConf, SparkContext

from . import arguments
from .job import Failed, Job, Outcome, Progress, attempt, pause
from .process import Worker, find_oscar

# The workers of this process, by command: Spark uses a Python process for many tasks.
_workers: Dict[Tuple[str, ...], Worker] = {}


def _worker(oscar: str, flags: List[str], timeout: float) -> Worker:
    key = (oscar, *flags)
    if key not in _workers:
        _workers[key] = Worker(oscar, flags, timeout)
    return _workers[key]


def context(master: Optional[str], name: str, workers: int = 0) -> SparkContext:
    """A context at a master; without one on this machine, on loopback. It takes as many of the processors as there are workers, by default all."""
    conf = SparkConf().setAppName(name)
    if master is None or master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        conf.setMaster(master or (f"local[{workers}]" if workers else "local[*]"))
        conf.set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1")
    else:
        conf.setMaster(master)
        if workers:
            conf.setIfMissing("spark.cores.max", str(workers))
    conf.setIfMissing("spark.ui.enabled", "false")
    conf.setIfMissing("spark.ui.showConsoleProgress", "false")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    sc = SparkContext(conf=conf)
    sc.setLogLevel("ERROR")
    if not conf.get("spark.master", "").startswith("local"):
        _send_package(sc)
    return sc


def _send_package(sc: SparkContext) -> None:
    """Gives this package to the executors of a cluster, which need not have it."""
    here = os.path.dirname(os.path.abspath(__file__))
    top = tempfile.mkdtemp(prefix="oscar-spark-")  # executors read the file when they start
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    sc.addPyFile(shutil.make_archive(os.path.join(top, "oscar_distributed"), "zip", os.path.dirname(here), os.path.basename(here)))


def _reason(e: BaseException) -> str:
    """The line of Spark's error that names the cause."""
    lines = [line.strip() for line in str(e).strip().splitlines()] or [type(e).__name__]
    return next((line for line in lines if re.match(r"[\w.]*(Error|Exception|Died|Failed)\b: .", line) and not line.startswith("org.apache.spark.")), lines[1].lstrip(": ") if len(lines) > 1 else lines[0])


def run(sc: SparkContext, job: Job, flags: List[str], partitions: int = 0, timeout: float = 3600, tries: int = 4) -> List[Outcome]:
    """Does all units with as many tasks at a time as Spark has slots. Returns the failed ones."""
    oscar, file = job.oscar, job.units_file
    done = sc.accumulator(0)

    def process(lines: Iterable[bytes]) -> Iterator[Outcome]:
        for line in lines:
            for n in range(1, tries + 1):
                outcome = attempt(_worker(oscar, flags, timeout), line)
                if outcome.ok or not outcome.retry or n == tries:
                    break
                time.sleep(pause(n))
            done.add(1)
            yield outcome

    def partition(offsets: Iterable[Tuple[int, int]]) -> Iterator[Outcome]:
        with open(file, "rb") as f:
            for at, length in offsets:
                f.seek(at)
                yield from process([f.read(length)])

    # Some partitions a slot: a slow one does not hold up the end.
    partitions = partitions or min(job.count, 8 * sc.defaultParallelism)
    outcomes: List[Outcome] = []
    errors: List[BaseException] = []

    def collect() -> None:
        try:
            if job.store:  # the executors do not see the file
                outcomes.extend(sc.parallelize(list(job.units()), partitions).mapPartitions(process).collect())
            else:
                outcomes.extend(sc.parallelize(job.offsets(), partitions).mapPartitions(partition).collect())
        except BaseException as e:  # handed to the caller's thread
            errors.append(e)

    progress = Progress(job.verb, job.count)
    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
        progress.done = min(done.value, job.count)  # of tasks that ended
        progress.show()
    if errors:
        raise Failed(f"Spark: {_reason(errors[0])}; the same command resumes where it stopped")
    progress.done = len(outcomes)
    progress.earlier = sum(o.earlier for o in outcomes)
    progress.images = sum(o.images for o in outcomes if not o.earlier)
    progress.end()
    failed = [o for o in outcomes if not o.ok]
    for o in failed:
        progress.say(f"{o.id} failed: {o.error}")
    return failed


def main(argv: Optional[List[str]] = None) -> None:
    p = arguments.parser("spark")
    p.add_argument("--master", help="as spark://HOST:7077 or local[4]; default: local[*]")
    p.add_argument("--partitions", type=int, default=0, help="tasks of the job; default: 8 a slot")
    options = arguments.parse(p, sys.argv[1:] if argv is None else argv)

    def do() -> None:
        job = Job(find_oscar(options.oscar), options.call, options.store)
        flags, merge_flags = arguments.flags_of(options)
        sc = context(options.master, f"oscar {job.verb}", options.workers)
        try:
            failed = run(sc, job, flags, options.partitions, options.unit_timeout, options.tries)
        finally:
            sc.stop()
        job.finish(failed, merge_flags)

    arguments.exit_with(do)


if __name__ == "__main__":
    main()
