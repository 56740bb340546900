#!/usr/bin/env python3
"""Measures what an engine costs beside a plain call of oscar, in pairs.

usage: cost.py PICTURES [ROUNDS]

PICTURES is a folder of photographs. Each round explains 400 and 1600 of them in one process with two threads, and
by oscar-ray with two workers of one thread. The difference of the sizes leaves the start out. Processor time is
that of all processes, from a control group, so that other programs on the machine count less. It needs root.

usage: cost.py --memory LINKS

Predicts so many links to one picture with two workers, and prints the largest resident memory of each kind of
process, for a quarter of the links and for all.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tests"))
from common import OSCAR, differences, oscar, processes  # noqa: E402

GROUP = "/sys/fs/cgroup/cpuacct/oscar-cost"
OWN = GROUP + "/oscar"  # processes of oscar that Ray starts
SIZES = (400, 1600)


def timed(command):
    """Wall and processor seconds of a command with all that it starts, and those of oscar among Ray's."""

    def join():
        with open(os.path.join(GROUP, "cgroup.procs"), "w") as f:
            f.write(str(os.getpid()))

    def used(group):
        with open(os.path.join(group, "cpuacct.usage")) as f:
            return int(f.read()) / 1e9

    before, own, began = used(GROUP), used(OWN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=join)
    return time.monotonic() - began, used(GROUP) - before, used(OWN) - own


def counted():
    """Makes a script that runs oscar in the control group OWN."""
    os.makedirs(OWN, exist_ok=True)
    with open("oscar", "w") as f:
        f.write(f'#!/bin/sh\necho $$ > {OWN}/cgroup.procs\nexec {OSCAR} "$@"\n')
    os.chmod("oscar", 0o755)
    return os.path.abspath("oscar")


def ray(*call, program=OSCAR):
    return [sys.executable, "-W", "ignore", "-m", "oscar_distributed.on_ray", "--oscar", program, "--workers", "2", "--worker-threads", "1", *call]


def pictures(top, n):
    found = sorted(os.path.join(d, f) for d, _, names in os.walk(top) for f in names if f.lower().endswith((".jpg", ".png")))
    folder = f"pictures{n}"
    os.makedirs(folder)
    for i in range(n):
        os.symlink(found[i % len(found)], os.path.join(folder, f"{i:07}{os.path.splitext(found[i % len(found)])[1]}"))
    return folder


def model():
    oscar("synthesize", "shapes", "--per-class", 6, "--width", 64, "--height", 64)
    oscar("train", "shapes/images", "--out", "run", "--arch", "tiny", "--epochs", 1, "--threads", 1)


def cost(top, rounds):
    model()
    program = counted()
    folders = {n: pictures(top, n) for n in SIZES}
    ratios = []
    for i in range(rounds):
        slope = {}
        for name in ("plain", "ray") if i % 2 == 0 else ("ray", "plain"):
            seconds = {}
            for n, folder in folders.items():
                shutil.rmtree(name, ignore_errors=True)
                call = ["explain", "run", folder, "--out", name]
                seconds[n] = timed([OSCAR, *call, "--threads", "2"] if name == "plain" else ray(*call, program=program))
            slope[name] = [1e3 * (b - a) / (SIZES[1] - SIZES[0]) for a, b in zip(seconds[SIZES[0]], seconds[SIZES[1]])]
            slope[name].append(seconds[SIZES[0]][1] - slope[name][1] * SIZES[0] / 1e3)
        if differences("plain", "ray"):
            sys.exit("the results differ")
        ratios.append(slope["ray"][1] / slope["plain"][1])
        print(
            f"| {slope['plain'][1]:.2f} | {slope['ray'][1]:.2f} | {slope['ray'][2]:.2f} | {100 * ratios[-1] - 100:+.1f} % | {slope['plain'][0]:.2f} | {slope['ray'][0]:.2f} "
            f"| {slope['ray'][3] - slope['plain'][3]:.1f} |",
            flush=True,
        )
    print(f"median of {rounds}: {100 * statistics.median(ratios) - 100:+.1f} %")


KINDS = {"worker": "worker --end-with-parent", "actor": "ray::OscarWorker", "driver": "oscar_distributed.on_ray", "merge": "merge /"}


def memory(links):
    model()
    for n in (links // 4, links):
        folder = pictures(os.path.abspath("shapes/images"), n)
        peak = dict.fromkeys(KINDS, 0)
        stop = threading.Event()

        def watch():
            while not stop.wait(0.1):
                for kind, words in KINDS.items():
                    for pid in processes(words):
                        try:
                            with open(f"/proc/{pid}/statm") as f:
                                peak[kind] = max(peak[kind], int(f.read().split()[1]) * 4096)
                        except (OSError, IndexError):
                            continue

        watcher = threading.Thread(target=watch)
        watcher.start()
        began = time.monotonic()
        subprocess.run(ray("predict", "run", folder, "--out", f"out{n}"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stop.set()
        watcher.join()
        with open(f"out{n}/predictions.jsonl") as f:
            rows = sum(1 for _ in f)
        print(f"| {n} | {rows} | {time.monotonic() - began:.0f} | " + " | ".join(f"{v / 2**20:.0f}" for v in peak.values()) + " |", flush=True)


def main():
    top = tempfile.mkdtemp(prefix="oscar-cost-")
    os.chdir(top)
    try:
        if sys.argv[1] == "--memory":
            memory(int(sys.argv[2]))
        else:
            cost(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5)
    finally:
        os.chdir("/")
        shutil.rmtree(top, ignore_errors=True)
        for group in (OWN, GROUP):
            if os.path.isdir(group):
                os.rmdir(group)


if __name__ == "__main__":
    sys.argv[1:2] = [os.path.abspath(sys.argv[1])] if sys.argv[1] != "--memory" else ["--memory"]
    main()
