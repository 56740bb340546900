#!/usr/bin/env python3
"""Kills, stops and starves processes of a job on Ray or Spark, at random moments.

usage: campaign.py KIND STRIKES [SECONDS]

KIND is a line of the table KINDS. A job is struck up to PER_RUN times at random moments. If its command fails it
runs again. When it ends with exit status 0, there must be the rows of all images, each once, the bytes of the
plain run, and no process left. It ends after STRIKES, or SECONDS (240), and prints a row of docs/distributed.md.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tests"))
from common import OSCAR, S3, STORED, differences, oscar, processes  # noqa: E402

WORKER = "worker --end-with-parent"
PER_CLASS, POISON, PER_RUN = 50, 3, 5


def victims(words):
    return lambda driver: processes(words)


# What is hit: the engine, the processes, the signal.
KINDS = {
    "ray-worker": ("on_ray", victims(WORKER), signal.SIGKILL),
    "ray-worker-stopped": ("on_ray", victims(WORKER), signal.SIGSTOP),
    "ray-actor": ("on_ray", victims("ray::OscarWorker"), signal.SIGKILL),
    "ray-driver": ("on_ray", lambda driver: [driver.pid], signal.SIGKILL),
    "spark-worker": ("on_spark", victims(WORKER), signal.SIGKILL),
    "spark-python": ("on_spark", victims("pyspark.daemon"), signal.SIGKILL),
    "spark-executor": ("on_spark", victims("CoarseGrainedExecutorBackend"), signal.SIGKILL),
    "spark-driver": ("on_spark", lambda driver: [driver.pid], signal.SIGKILL),
    "disk-full": ("on_ray", None, None),
    # The files of the results get times of a year around now, as machines with wrong clocks would write them.
    "clocks": ("on_ray", lambda driver: [driver.pid], None),
    # A job in a bucket; its server is killed, and starts again.
    "store": ("on_ray", lambda driver: [driver.pid], None),
    "store-worker": ("on_ray", victims(WORKER), signal.SIGKILL),
    "store-disk-full": ("on_ray", None, None),
    "none": ("on_ray", None, None),
}


def make(top):
    """A model, pictures of which some cannot be read, and the plain results."""
    os.chdir(top)
    oscar("synthesize", "shapes", "--per-class", PER_CLASS, "--width", 64, "--height", 64)
    oscar("train", "shapes/images", "--out", "run", "--arch", "tiny", "--epochs", 1, "--threads", 1)
    for i in range(POISON):  # one per cent
        with open(f"shapes/images/can/{i:04}.png", "r+b") as f:
            f.truncate(40 + 100 * i)
    oscar(*CALL, "plain")


KIND = sys.argv[1] if len(sys.argv) > 1 else ""
FULL = KIND.endswith("disk-full")
SERVER = None  # of a job in a store
OUT = "s3/bucket/out" if KIND.startswith("store") else "out"
# A disk that is full stays so for all tries.
TRIES = "3" if FULL else "40"
CALL = ("explain", "run", "shapes/images", "--method", "gradcam,rise", "--samples", "100", "--batch", "8", "--threads", "1", "--out")


def command(engine):
    where = ["--master", "local-cluster[2,1,1024]"] if engine == "on_spark" else ["--workers", "2"]
    if SERVER:
        where += ["--store", "s3://bucket"]
    timeout = "120" if SERVER else "8"  # a store is waited for
    return [sys.executable, "-W", "ignore", "-m", f"oscar_distributed.{engine}", "--oscar", OSCAR, "--unit-timeout", timeout, "--tries", TRIES, *where, *CALL, "out"]


def start(engine):
    with open("said", "ab") as said:
        return subprocess.Popen(command(engine), stdout=said, stderr=said, start_new_session=True)


def parts():
    try:
        return len([n for n in os.listdir(OUT + "/parts") if n.endswith(".jsonl")])
    except OSError:
        return 0


def strike(kind, driver):
    """Strikes some moments after now, if the job still runs."""
    engine, find, how = KINDS[kind]
    begin, wait = parts(), random.random() * (12 if KIND.endswith("driver") else 2)
    until = time.monotonic() + wait
    while driver.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    if driver.poll() is not None or parts() < min(begin, 1):
        return 0
    found = find(driver)
    if not found:
        return 0
    if KIND == "store":
        SERVER.kill()
        time.sleep(random.random() * 3)
        SERVER.start()
    elif KIND == "clocks":
        return skew()
    else:
        os.kill(random.choice(found), how)
    return 1


def skew():
    """Gives a tenth of the files of the results other times."""
    files = [os.path.join(d, f) for d, _, names in os.walk(OUT) for f in names]
    for f in random.sample(files, len(files) // 10):
        at = time.time() + random.uniform(-1, 1) * 365 * 86400
        try:
            os.utime(f, (at, at))
        except FileNotFoundError:
            continue  # a temporary file
    return 1 if files else 0


def check():
    """What is wrong with the results."""
    wrong = []
    with open("plain/manifest.jsonl") as f:
        want = [json.loads(line)["image"] for line in f]
    with open(OUT + "/manifest.jsonl") as f:
        got = [json.loads(line)["image"] for line in f]
    if sorted(got) != sorted(want):
        wrong.append(f"{len(got)} rows, want {len(want)}")
    wrong += differences("plain", OUT, STORED if SERVER else ())
    wrong += [f for d, _, names in os.walk(OUT) for f in names if f.startswith(".partial-")]
    return wrong


def left():
    """Processes of the job that are still there some seconds after its end."""
    words = (WORKER, "ray::OscarWorker", "raylet", "gcs_server", "CoarseGrainedExecutorBackend", "pyspark.daemon", "oscar_distributed.on_")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        there = [p for w in words for p in processes(w) if p != os.getpid()]
        if not there:
            return []
        time.sleep(0.5)
    return there


def full_disk():
    """A folder of results on a file system of its own, which fills up."""
    os.makedirs(OUT, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={random.randint(300, 1500)}k", "tmpfs", OUT], check=True)


def main():
    global SERVER
    kind, strikes = sys.argv[1], int(sys.argv[2])
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 240
    began = time.monotonic()
    random.seed(kind + str(began))
    top = tempfile.mkdtemp(prefix="oscar-campaign-")
    runs = struck = again = wrong_runs = left_over = 0
    engine, find, _ = KINDS[kind]
    try:
        make(top)
        if kind.startswith("store"):
            SERVER = S3("s3")
            for name in ("run", "shapes"):
                shutil.copytree(name, os.path.join("s3/bucket", name))
        while struck < strikes and time.monotonic() - began < seconds:
            shutil.rmtree(OUT, ignore_errors=True)
            if FULL:
                full_disk()
            status, here, tries, rest = 1, 0, 0, []
            while status != 0 and tries < 12:
                driver = start(engine)
                while find and driver.poll() is None and here < PER_RUN:
                    here += strike(kind, driver)
                status = driver.wait()
                rest += left()
                tries += 1
                if FULL and status != 0:
                    here += 1
                    subprocess.run(["mount", "-o", "remount,size=100m", OUT], check=True)
            wrong = check() if status == 0 else [f"status {status} after {tries} calls"]
            runs, struck, again = runs + 1, struck + here, again + tries - 1
            wrong_runs, left_over = wrong_runs + bool(wrong), left_over + bool(rest)
            if wrong or rest:
                print(kind, runs, "wrong:", wrong[:5], "left:", rest, flush=True)
                shutil.copy("said", f"/tmp/campaign-{kind}-{runs}.log")
            if FULL:
                subprocess.run(["umount", OUT], check=True)
    finally:
        os.chdir("/")
        if SERVER:
            SERVER.kill()
        if FULL:
            subprocess.run(["umount", os.path.join(top, OUT)], stderr=subprocess.DEVNULL)
        shutil.rmtree(top, ignore_errors=True)
    print(f"| {kind} | {struck} | {runs} | {again} | {runs - wrong_runs} | {left_over} |", flush=True)


if __name__ == "__main__":
    main()
