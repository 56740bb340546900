"""The command line that the engines share."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Callable, List, Optional, Tuple

from .job import Failed

VERBS = ("explain", "predict", "score", "study", "train")


def parser(engine: str) -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog=f"oscar-{engine}",
        description=f"Do a call of oscar on {engine.capitalize()}. All machines see the same folders at the same paths.",
        usage=f"oscar-{engine} [options] {{{','.join(VERBS)}}} ARGUMENTS AND FLAGS OF THE VERB",
    )
    p.add_argument("--oscar", help="the program; default: $OSCAR, or oscar in $PATH")
    p.add_argument("--workers", type=int, default=0, help="processes of oscar worker; default: all processors of the cluster")
    p.add_argument("--worker-threads", type=int, default=1, metavar="N", help="threads of a worker (default 1)")
    p.add_argument("--unit-timeout", type=float, default=3600, metavar="S", help="seconds after which a worker that does not answer is killed (default 3600)")
    p.add_argument("--tries", type=int, default=4, metavar="N", help="how often a unit is tried that fails for a passing reason (default 4)")
    p.add_argument("--store", default="", metavar="URL", help="s3://BUCKET/PREFIX with the model, the images and the results; default: folders that all machines see")
    p.add_argument("call", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return p


def parse(p: argparse.ArgumentParser, argv: List[str]) -> argparse.Namespace:
    """Parses; what follows the verb is oscar's."""
    options = p.parse_args(argv)
    if not options.call or options.call[0] not in VERBS:
        p.error(f"the verb is missing: {', '.join(VERBS)}")
    for name in ("worker_threads", "unit_timeout", "tries"):
        if getattr(options, name) <= 0:
            p.error(f"--{name.replace('_', '-')} is {getattr(options, name)}, want more than 0")
    if options.workers < 0:
        p.error(f"--workers is {options.workers}, want 0 or more")
    while (found := _flag(options.call, "--store")) is not None:  # the verb has it, too
        at, length, options.store = found
        options.call = options.call[:at] + options.call[at + length :]
    return options


def _flag(call: List[str], name: str) -> Optional[Tuple[int, int, str]]:
    """Where a flag with a value is in a call, how many arguments it takes, and the value."""
    for at, argument in enumerate(call):
        if argument == "--":
            break
        if argument == name and at + 1 < len(call):
            return at, 2, call[at + 1]
        if argument.startswith(name + "="):
            return at, 1, argument[len(name) + 1 :]
    return None


def flags_of(options: argparse.Namespace) -> Tuple[List[str], List[str]]:
    """The flags of oscar worker, and those of oscar merge."""
    trust = ["--trust"] if "--trust" in options.call else []
    found = _flag(options.call, "--scratch")
    both = ["--threads", str(options.worker_threads)] + trust + (["--scratch", os.path.abspath(found[2])] if found else [])
    return both + ["--workers", str(options.worker_threads)], both


def exit_with(run: Callable[[], None]) -> None:
    try:
        run()
    except (Failed, FileNotFoundError) as e:
        sys.exit(f"oscar: {e}")
    except KeyboardInterrupt:
        sys.exit("oscar: interrupted; the same command resumes where it stopped")
