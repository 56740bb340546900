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
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException

from . import address, arguments
from .job import Failed, Job, Outcome, Progress, attempt, pause
from .process import Worker, find_oscar

# Seconds without a task after which that is said.
GRACE = 15.0

# Why a cluster ends a context is in its own logs alone.
ENDED = "the cluster ended the application: its master does not answer, or no executor starts; the logs of the master and the workers say why"

# The workers of this process, by command: Spark uses a Python process for many tasks.
_workers: Dict[Tuple[str, ...], Worker] = {}


def _worker(oscar: str, flags: List[str], timeout: float) -> Worker:
    key = (oscar, *flags)
    if key not in _workers:
        _workers[key] = Worker(oscar, flags, timeout)
    return _workers[key]


def context(master: Optional[str], name: str, workers: int = 0) -> SparkContext:
    """A context at a master; without one on this machine, on loopback. It takes as many of the processors as there are workers, by default all."""
    master = master or (f"local[{workers}]" if workers else "local[*]")
    local = master.startswith("local")
    conf = SparkConf().setAppName(name).setMaster(master)
    if local or _on_loopback(master):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        conf.set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1")
    if workers and not local:
        conf.setIfMissing("spark.cores.max", str(workers))
    conf.setIfMissing("spark.ui.enabled", "false")
    conf.setIfMissing("spark.ui.showConsoleProgress", "false")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        sc = SparkContext(conf=conf)
        sc.setLogLevel("ERROR")
        if not local:
            _send_package(sc)
    except (Py4JError, PySparkException) as e:
        raise Failed(f"cannot start on Spark at {master}: {_reason(e)}") from None
    return sc


def _on_loopback(master: str) -> bool:
    """Reports whether a standalone master is on loopback, and so all of its cluster.

    One that nobody can reach, or another service, is a failure at once: by itself Spark tries for a minute, and prints its stack.
    """
    if not master.startswith("spark:"):
        return False  # another cluster manager's
    found = [address.split(a) for a in master[len("spark://") :].split(",")]
    hosts = [a for a in found if a]
    if not master.startswith("spark://") or len(hosts) < len(found):
        raise Failed(f"cannot join the Spark cluster at {master}: want spark://HOST:PORT")
    for host, port in hosts:  # one of several leads
        reason = address.why_closed(host, port)
        if not reason and (said := address.answer(host, port)):
            reason = f"another service answers there: {ascii(said)}"
        if not reason:
            return all(address.is_loopback(h) for h, _ in hosts)
    raise Failed(f"cannot join the Spark cluster at {master}: {reason}")


def _send_package(sc: SparkContext) -> None:
    """Gives this package to the executors of a cluster, which need not have it."""
    here = os.path.dirname(os.path.abspath(__file__))
    top = tempfile.mkdtemp(prefix="oscar-spark-")  # executors read the file when they start
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    sc.addPyFile(shutil.make_archive(os.path.join(top, "oscar_distributed"), "zip", os.path.dirname(here), os.path.basename(here)))


def _reason(e: BaseException) -> str:
    """The line of Spark's error that names the cause."""
    text = str(e).strip()
    if re.search("SparkContext has been shutdown|stopped SparkContext|Master removed our application", text):
        return ENDED
    lines = [line.strip() for line in text.splitlines()] or [type(e).__name__]
    return next((line for line in lines if re.match(r"[\w.]*(Error|Exception|Died|Failed)\b: .", line) and not line.startswith("org.apache.spark.")), lines[1].lstrip(": ") if len(lines) > 1 else lines[0])


def _idle(sc: SparkContext) -> bool:
    """Reports whether no task runs."""
    tracker = sc.statusTracker()
    try:
        stages = [tracker.getStageInfo(i) for i in tracker.getActiveStageIds()]
    except Py4JError:
        return False  # the context ends, and the thread of the job has the reason
    return not any(s and s.numActiveTasks for s in stages)


def _stopped(sc: SparkContext) -> bool:
    """Reports whether the context has ended. Errors of its threads are then of no use."""
    context: Any = sc
    try:
        return bool(context._jsc.sc().isStopped())
    except (Py4JError, OSError):
        return False


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

    outcomes: List[Outcome] = []
    errors: List[BaseException] = []

    def collect() -> None:
        try:
            # Some partitions a slot: a slow one does not hold up the end.
            slices = partitions or min(job.count, 8 * sc.defaultParallelism)
            if job.store:  # the executors do not see the file
                outcomes.extend(sc.parallelize(list(job.units()), slices).mapPartitions(process).collect())
            else:
                outcomes.extend(sc.parallelize(job.offsets(), slices).mapPartitions(partition).collect())
        except BaseException as e:  # handed to the caller's thread
            errors.append(e)

    progress = Progress(job.verb, job.count)
    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    looked = time.monotonic()
    while thread.is_alive():
        thread.join(0.2)
        if time.monotonic() - looked > GRACE:
            looked = time.monotonic()
            if _idle(sc):
                progress.say("no task runs; an executor needs a free processor of the cluster, and its memory")
        progress.done = min(done.value, job.count)  # of tasks that ended
        progress.show()
    if errors:
        raise Failed(f"Spark: {ENDED if _stopped(sc) else _reason(errors[0])}; the same command resumes where it stopped")
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
