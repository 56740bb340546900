"""What a job on Ray counts, for Ray's dashboard and Prometheus (there with ray_ before the names)."""

from __future__ import annotations

from typing import Dict

from ray.util.metrics import Counter, Gauge

from .job import Outcome


class Metrics:
    """The numbers of a job. They are labeled with the verb and the folder of the results."""

    def __init__(self, verb: str, out: str, units: int, workers: int) -> None:
        keys = ("verb", "out")
        self.tags: Dict[str, str] = {"verb": verb, "out": out}
        self._units = Gauge("oscar_units", "units of the job", keys)
        self._done = Gauge("oscar_units_done", "units of the job that are done", keys)
        self._failed = Gauge("oscar_units_failed", "units of the job that failed for good", keys)
        self._busy = Gauge("oscar_workers_busy", "workers that do a unit now", keys)
        self._workers = Gauge("oscar_workers", "workers of the job", keys)
        self._images = Counter("oscar_images", "images that this call computed", keys)
        self._retries = Counter("oscar_retries", "tries of units that failed for a passing reason", keys)
        self._seconds = Counter("oscar_unit_seconds", "seconds that workers spent on units that are done", keys)
        self._units.set(units, self.tags)
        self._workers.set(workers, self.tags)
        self.done = self.failed = 0
        self._show()

    def _show(self) -> None:
        self._done.set(self.done, self.tags)
        self._failed.set(self.failed, self.tags)

    def add(self, outcome: Outcome) -> None:
        """Counts a unit that is done."""
        self.done += 1
        if not outcome.earlier and outcome.images:
            self._images.inc(outcome.images, self.tags)
        if outcome.seconds > 0:
            self._seconds.inc(outcome.seconds, self.tags)
        self._show()

    def fail(self) -> None:
        self.failed += 1
        self._show()

    def retry(self) -> None:
        self._retries.inc(1, self.tags)

    def busy(self, workers: int) -> None:
        self._busy.set(workers, self.tags)
