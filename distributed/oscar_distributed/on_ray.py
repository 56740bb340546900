"""The units of a job on Ray: an actor holds a worker each."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Tuple

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray  # noqa: E402
from ray._private import ray_constants  # noqa: E402
from ray.exceptions import RayActorError, RayError  # noqa: E402

from . import address as addresses  # noqa: E402
from . import arguments  # noqa: E402
from .job import Failed, Job, Outcome, Progress, attempt, id_of, pause  # noqa: E402
from .metrics import Metrics  # noqa: E402
from .process import Worker, find_oscar  # noqa: E402

# How often Ray tries to reach a cluster.
TRIES = "RAY_gcs_server_port_wait_time_s"

# How much longer than a worker the actor that has it may take.
GRACE = 30.0


class OscarWorker:
    """An actor with a worker. Its name is what Ray's dashboard lists."""

    def __init__(self, oscar: str, flags: List[str], timeout: float) -> None:
        self.worker = Worker(oscar, flags, timeout)

    def ready(self) -> None:
        """Returns when Ray has started the actor."""

    def do(self, line: bytes) -> Outcome:
        return attempt(self.worker, line)


@dataclass
class Unit:
    line: bytes
    tries: int = 0
    not_before: float = 0.0


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Within it Ray takes 127.0.0.1 for this machine's address, and its processes listen only there.

    Ray does so on systems for which it has no clusters. On Linux it takes another address of the machine instead,
    and listens on all.
    """
    constants: Any = ray_constants
    before, constants.ENABLE_RAY_CLUSTER = constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


@contextlib.contextmanager
def _reached(address: str) -> Iterator[None]:
    """Within it Ray can join the cluster at an address. If it cannot, that is said in a line, and soon: by itself Ray tries for a quarter of an hour."""
    client = address.startswith("ray://")
    found = addresses.split(address[len("ray://") :] if client else address)
    with contextlib.ExitStack() as stack:
        if found:
            host, port = found
            reason = addresses.why_closed(host, port)
            if reason:
                raise Failed(f"cannot join the Ray cluster at {address}: {reason}")
            outside = ray.util.get_node_ip_address()
            if not client and addresses.is_loopback(host) and addresses.why_closed(outside, port, 0):
                stack.enter_context(_on_loopback())  # it listens there alone
        if TRIES not in os.environ:  # one try takes up to 40 s
            os.environ[TRIES] = "1"
            stack.callback(os.environ.pop, TRIES)
        try:
            yield
        except (ConnectionError, RuntimeError, ValueError) as e:
            cause = str(e.__cause__ or e).strip().splitlines()[-1]
            raise Failed(f"cannot join the Ray cluster at {address}: {cause}") from None


def connect(address: Optional[str], dashboard: int = 0, metrics: int = 0, cpus: int = 0) -> None:
    """Joins a cluster, or starts one on this machine's loopback.

    A new one takes the machine for one of that many processors, by default as many as it has.
    A new one has Ray's dashboard and the metrics for Prometheus on these ports, unless they are 0. They need the
    packages of ray[default].
    """
    if ray.is_initialized():
        return
    if address and address != "local":
        with _reached(address):
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, runtime_env={"py_modules": [os.path.dirname(os.path.abspath(__file__))]})
    else:
        # "local": none that another program has left in Ray's folder.
        more: Dict[str, Any] = {"_metrics_export_port": metrics} if metrics else {}
        if cpus:
            more.update(num_cpus=cpus)
        if dashboard:
            more.update(dashboard_host="127.0.0.1", dashboard_port=dashboard)
        with _on_loopback():
            ray.init(address="local", _node_ip_address="127.0.0.1", include_dashboard=bool(dashboard), log_to_driver=False, logging_level=logging.ERROR, **more)


def run(job: Job, flags: List[str], workers: int = 0, threads: int = 1, timeout: float = 3600, tries: int = 4) -> List[Outcome]:
    """Does all units. A worker has one unit at a time; the next is read when one is free.

    An actor for which the cluster has no free processor gets no unit before it starts. Returns the failed units.
    """
    cluster: Any = ray  # whose function has no types
    workers = workers or max(int(cluster.cluster_resources().get("CPU", 1)) // threads, 1)
    workers = min(workers, job.count)
    # Retries are counted here, so that a unit that kills its worker ends.
    actor = ray.remote(num_cpus=threads, max_restarts=-1, max_task_retries=0)(OscarWorker)
    progress, metrics = Progress(job.verb, job.count), Metrics(job.verb, job.dir, job.count, workers)
    lines = job.units()
    again: List[Unit] = []
    failed: List[Outcome] = []
    free: List[Any] = []
    starting: Dict[Any, Tuple[Any, float]] = {}
    busy: Dict[Any, Tuple[Any, Unit, float]] = {}
    failures = 0  # of actors, since one started
    waits = time.monotonic()

    def start(a: Any) -> None:
        starting[a.ready.remote()] = (a, time.monotonic())

    def restart(a: Any) -> None:
        ray.kill(a)
        start(actor.remote(job.oscar, flags, timeout))

    def started(ref: Any) -> None:
        nonlocal failures
        a, _ = starting.pop(ref)
        try:
            ray.get(ref)
        except RayError as e:
            failures += 1
            if failures >= tries * workers:
                raise Failed(f"no worker starts: {str(e).strip().splitlines()[-1]}") from None
            time.sleep(0.5)
            restart(a)
            return
        failures = 0
        free.append(a)

    def next_unit() -> Optional[Unit]:
        for i, unit in enumerate(again):
            if unit.not_before <= time.monotonic():
                return again.pop(i)
        line = next(lines, None)
        return None if line is None else Unit(line)

    def settle(unit: Unit, outcome: Outcome) -> None:
        unit.tries += 1
        if outcome.ok:
            progress.add(outcome)
            metrics.add(outcome)
        elif outcome.retry and unit.tries < tries:
            progress.retried(outcome, unit.tries)
            metrics.retry()
            unit.not_before = time.monotonic() + pause(unit.tries)
            again.append(unit)
        else:
            failed.append(outcome)
            metrics.fail()
            progress.say(f"{outcome.id} failed: {outcome.error}")

    try:
        for _ in range(workers):
            start(actor.remote(job.oscar, flags, timeout))
        while True:
            while free:
                unit = next_unit()
                if unit is None:
                    break
                a = free.pop()
                busy[a.do.remote(unit.line)] = (a, unit, time.monotonic())
            metrics.busy(len(busy))
            if free and not busy and not again:
                break
            if not busy and not starting:
                time.sleep(0.1)
                continue
            if busy or free:
                waits = time.monotonic()
            elif time.monotonic() - waits > GRACE:
                waits = time.monotonic()
                progress.say(f"no worker has started; each needs {threads} free processors of the cluster")
            ready, _ = ray.wait([*busy, *starting], num_returns=1, timeout=0.5)
            for ref in ready:
                if ref in starting:
                    started(ref)
                    continue
                a, unit, _ = busy.pop(ref)
                try:
                    outcome = ray.get(ref)
                except RayActorError as e:  # Ray starts the actor again
                    outcome = Outcome(id_of(unit.line), False, error=f"the actor died: {type(e).__name__}", retry=True)
                except RayError as e:
                    outcome = Outcome(id_of(unit.line), False, error=str(e).strip().splitlines()[-1], retry=True)
                if outcome.ok:
                    free.append(a)
                else:  # it may have died
                    start(a)
                settle(unit, outcome)
            for ref, (a, unit, since) in list(busy.items()):
                if time.monotonic() - since > timeout + GRACE:
                    del busy[ref]
                    restart(a)
                    settle(unit, Outcome(id_of(unit.line), False, error="the actor did not answer and was killed", retry=True))
            for ref, (a, since) in list(starting.items()):
                if time.monotonic() - since > timeout + GRACE:
                    del starting[ref]
                    restart(a)
            progress.show()
    finally:
        for a in [*free, *(a for a, _ in starting.values()), *(a for a, _, _ in busy.values())]:
            ray.kill(a)
    progress.end()
    return failed


def main(argv: Optional[List[str]] = None) -> None:
    p = arguments.parser("ray")
    p.add_argument("--address", help="of a cluster, as HOST:6379, ray://HOST:10001 or auto; default: one on this machine")
    p.add_argument("--dashboard", type=int, default=0, metavar="PORT", help="of Ray's dashboard on loopback, for a cluster on this machine (needs ray[default])")
    p.add_argument("--metrics", type=int, default=0, metavar="PORT", help="of the counts for Prometheus, http://127.0.0.1:PORT/metrics, for a cluster on this machine (needs ray[default])")
    options = arguments.parse(p, sys.argv[1:] if argv is None else argv)

    if options.address and (options.dashboard or options.metrics):
        p.error("--dashboard and --metrics need a cluster that this command starts, without --address")

    def do() -> None:
        job = Job(find_oscar(options.oscar), options.call, options.store)
        flags, merge_flags = arguments.flags_of(options)
        connect(options.address, options.dashboard, options.metrics, options.workers * options.worker_threads)
        try:
            failed = run(job, flags, options.workers, options.worker_threads, options.unit_timeout, options.tries)
        finally:
            ray.shutdown()
        job.finish(failed, merge_flags)

    arguments.exit_with(do)


if __name__ == "__main__":
    main()
