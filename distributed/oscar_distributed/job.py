"""A planned job: its units, its progress, its results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Iterator, List, Optional, TextIO, Tuple

from .process import Worker, WorkerDied


@dataclass(frozen=True)
class Outcome:
    """What became of a unit."""

    id: str
    ok: bool
    images: int = 0
    earlier: bool = False
    error: str = ""
    retry: bool = False
    seconds: float = 0.0

    @staticmethod
    def parse(line: bytes) -> "Outcome":
        o = json.loads(line)
        if o.get("format") != 1:
            raise ValueError(f"an outcome of format {o.get('format')!r}, want 1: oscar has another version")
        return Outcome(o["id"], o["ok"], o.get("images", 0), o.get("earlier", False), o.get("error", ""), o.get("retry", False), o.get("seconds", 0.0))


class Failed(Exception):
    """A job that could not be done. Its message is for people."""


class Job:
    """A call of oscar that was planned. All that works on it sees the same folders, or the same store."""

    def __init__(self, oscar: str, arguments: List[str], store: str = "") -> None:
        """Plans a call such as ["explain", "runs/first", "photos", "--out", "explained"]."""
        self.oscar = oscar
        self.verb = arguments[0]
        self.store = ["--store", store] if store else []
        plan = subprocess.Popen([oscar, "plan"] + self.store + arguments, stdout=subprocess.PIPE)
        assert plan.stdout is not None
        first: Optional[bytes] = None
        self.count = 0
        self._copy = tempfile.NamedTemporaryFile(prefix="oscar-units-") if store else None
        for line in plan.stdout:  # the folder of the results has them, too
            first = first or line
            self.count += 1
            if self._copy:
                self._copy.write(line)
        if plan.wait() != 0 or first is None:
            raise Failed(f"oscar plan ended with status {plan.returncode}")
        unit = json.loads(first)
        self.dir = os.path.join(unit["from"], unit["out"])
        self.units_file = os.path.join(self.dir, "units.jsonl")
        self._out = self.dir
        if self._copy:
            self._copy.flush()
            self.units_file, self._out = self._copy.name, unit["out"]

    def units(self) -> Iterator[bytes]:
        """The units, read as they are needed."""
        with open(self.units_file, "rb") as f:
            yield from f

    def offsets(self) -> List[Tuple[int, int]]:
        """Where each unit begins in the file, and its length."""
        out, at = [], 0
        for line in self.units():
            out.append((at, len(line)))
            at += len(line)
        return out

    def finish(self, failed: List[Outcome], flags: List[str]) -> None:
        """Merges, or tells of the units that failed."""
        if failed:
            raise Failed(f"{len(failed)} of {self.count} units failed, the first is {failed[0].id}: {failed[0].error}; the same command tries them again")
        self.merge(flags)

    def merge(self, flags: List[str]) -> None:
        """Makes the results when all units are done."""
        done = subprocess.run([self.oscar, "merge"] + self.store + [self._out] + flags)
        if done.returncode != 0:
            raise Failed(f"oscar merge ended with status {done.returncode}")


def attempt(worker: Worker, line: bytes) -> Outcome:
    """Does a unit. A worker that dies is an outcome that may be tried again."""
    try:
        return Outcome.parse(worker.do(line))
    except WorkerDied as e:
        return Outcome(id_of(line), False, error=str(e), retry=True)


def id_of(line: bytes) -> str:
    return str(json.loads(line)["id"])


def pause(tries: int) -> float:
    """Seconds to wait before the next try: a full disk does not get empty at once."""
    return min(0.5 * 2.0 ** min(tries - 1, 10), 30.0)


class Progress:
    """A line on the terminal, drawn over; elsewhere a line now and then."""

    def __init__(self, verb: str, total: int, to: Optional[TextIO] = None) -> None:
        self.verb, self.total, self.to = verb, total, to or sys.stderr
        self.terminal = self.to.isatty()
        self.began = self.last = time.monotonic()
        self.done = self.earlier = self.images = self.again = 0

    def add(self, outcome: Outcome) -> None:
        self.done += 1
        if outcome.earlier:
            self.earlier += 1
        else:
            self.images += outcome.images
        self.show()

    def retried(self, outcome: Outcome, tries: int) -> None:
        self.again += 1
        self.say(f"{outcome.id}: {outcome.error}; try {tries + 1}")

    def say(self, text: str) -> None:
        print(("\r\033[K" if self.terminal else "") + text, file=self.to, flush=True)

    def show(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self.last < (0.2 if self.terminal else 10):
            return
        self.last = now
        spent = now - self.began
        text = f"{self.verb}  {self.done}/{self.total} units"
        if self.earlier:
            text += f"  {self.earlier} done before"
        if self.images:
            text += f"  {self.images / spent:.1f} images/s"
        worked = self.done - self.earlier
        if worked and self.done < self.total:
            text += f"  {_clock(spent / worked * (self.total - self.done))} left"
        if self.terminal:
            print("\r\033[K" + text, end="", file=self.to, flush=True)
        else:
            print(text, file=self.to, flush=True)

    def end(self) -> None:
        self.show(at_once=True)
        if self.terminal:
            print(file=self.to, flush=True)


def _clock(seconds: float) -> str:
    minutes, s = divmod(int(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"
