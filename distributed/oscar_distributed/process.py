"""The program oscar, and a process of `oscar worker`."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import time
from typing import IO, List, Optional, cast


class WorkerDied(Exception):
    """A worker ended, or was ended because it hung, while it did a unit."""


def find_oscar(path: Optional[str] = None) -> str:
    """Returns the program: the path, $OSCAR, or oscar in $PATH."""
    name = path or os.environ.get("OSCAR") or "oscar"
    found = shutil.which(name)
    if not found:
        raise FileNotFoundError(f"no program {name!r}: set OSCAR, or add oscar to PATH")
    return os.path.abspath(found)


class Worker:
    """A process of `oscar worker`, which is started when it is needed and again when it died."""

    def __init__(self, oscar: str, flags: List[str], timeout: float) -> None:
        self.command = [oscar, "worker", "--end-with-parent"] + flags
        self.timeout = timeout  # seconds for a unit
        self.process: Optional["subprocess.Popen[bytes]"] = None

    def do(self, line: bytes) -> bytes:
        """Does a unit, a line of units.jsonl, and returns the line of its outcome."""
        process = self.process
        if process is None or process.poll() is not None:
            # Messages go where this process's go: the engine's log.
            process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
            self.process = process
        out = cast("IO[bytes]", process.stdout)
        try:
            _write(cast("IO[bytes]", process.stdin), line.rstrip(b"\n") + b"\n")
            return _read_line(out, time.monotonic() + self.timeout)
        except TimeoutError:
            self.close()
            raise WorkerDied(f"the worker was killed: it did not answer in {self.timeout:g} s") from None
        except (BrokenPipeError, EOFError):
            code = process.wait()
            self.close()
            raise WorkerDied(f"the worker ended with status {code}") from None

    def close(self) -> None:
        """Ends the process, even one that is stopped."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _write(pipe: IO[bytes], data: bytes) -> None:
    while data:
        data = data[pipe.write(data) :]


def _read_line(pipe: IO[bytes], deadline: float) -> bytes:
    parts: List[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TimeoutError
        data = os.read(pipe.fileno(), 1 << 16)
        if not data:
            raise EOFError
        parts.append(data)
        if data.endswith(b"\n"):
            return b"".join(parts)
