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
    # Each process of oscar has a clock of its own, wrong by up to a year. Files of the results get such times, too.
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
DISK = "s3" if KIND.startswith("store") else OUT  # if it becomes full
PROGRAM = OSCAR
# A disk that is full stays so for all tries; a store is waited for.
TRIES = "3" if DISK == OUT and FULL else "40"
CALL = ("explain", "run", "shapes/images", "--method", "gradcam,rise", "--samples", "100", "--batch", "8", "--threads", "1", "--out")


def command(engine):
    where = ["--master", "local-cluster[2,1,1024]"] if engine == "on_spark" else ["--workers", "2"]
    if SERVER:
        where += ["--store", "s3://bucket"]
    timeout = "120" if SERVER else "8"  # a store is waited for
    return [sys.executable, "-W", "ignore", "-m", f"oscar_distributed.{engine}", "--oscar", PROGRAM, "--unit-timeout", timeout, "--tries", TRIES, *where, *CALL, "out"]


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


# A file for Go's package time.
SKEW = """package time

import "syscall"

// skew is how wrong the clock is, in seconds.
var skew = func() (s int64) {
	text, _ := syscall.Getenv("OSCAR_SKEW")
	for _, c := range text {
		s = 10*s + int64(c-'0')
	}
	return s - 365*86400
}()
"""


def skewed(top):
    """Builds an oscar with another time.Now. Returns a script that runs it with a time of day that is wrong by a random time."""
    root = subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip() + "/src/time/"
    with open(root + "time.go") as f:
        text = f.read()
    now = "\tsec += unixToInternal - minWall\n"
    if text.count(now) != 1:
        sys.exit(f"{root}time.go has another time.Now")
    for name, content in (("time.go", text.replace(now, now.rstrip() + " + skew\n")), ("skew.go", SKEW), ("overlay.json", json.dumps({"Replace": {root + n: f"{top}/{n}" for n in ("time.go", "skew.go")}}))):
        with open(name, "w") as f:
            f.write(content)
    repository = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    subprocess.run(["go", "build", "-overlay", f"{top}/overlay.json", "-o", f"{top}/oscar-skewed", "./cmd/oscar"], check=True, cwd=repository)
    with open("oscar", "w") as f:
        f.write(f"#!/bin/bash\nOSCAR_SKEW=$((SRANDOM % (2 * 365 * 86400))) exec {top}/oscar-skewed \"$@\"\n")
    os.chmod("oscar", 0o755)
    return f"{top}/oscar"


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
    """Processes of the job that are still there some seconds after its end, each with a word of its command line."""
    words = (WORKER, "ray::OscarWorker", "raylet", "gcs_server", "CoarseGrainedExecutorBackend", "pyspark.daemon", "oscar_distributed.on_")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        there = [f"{p} {w}" for w in words for p in processes(w) if p != os.getpid()]
        if not there:
            return []
        time.sleep(0.5)
    return there


def free(kib):
    """Sets the free space of the disk of the results, or of the store, which is a file system of its own."""
    now = os.statvfs(DISK)
    used = (now.f_blocks - now.f_bfree) * now.f_frsize // 1024
    subprocess.run(["mount", "-o", f"remount,size={used + kib}k", DISK], check=True)


LARGE = 100 << 10  # KiB


def enlarge(driver):
    """Waits until the disk of the store is full, and some seconds more, and enlarges it. In half of the cases the call is interrupted before."""
    while driver.poll() is None:
        now = os.statvfs(DISK)
        if now.f_bfree * now.f_frsize < 32 << 10:
            break
        time.sleep(0.02)
    else:
        return 0
    time.sleep(random.random() * 10)
    if random.random() < 0.5:
        os.killpg(driver.pid, signal.SIGINT)
        driver.wait()
    free(LARGE)
    return 1


def main():
    global SERVER, PROGRAM
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell sets it aside for what it runs in the background
    kind, strikes = sys.argv[1], int(sys.argv[2])
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 240
    began = time.monotonic()
    random.seed(kind + str(began))
    top = tempfile.mkdtemp(prefix="oscar-campaign-")
    runs = struck = again = wrong_runs = left_over = 0
    engine, find, _ = KINDS[kind]
    try:
        make(top)
        if kind == "clocks":
            PROGRAM = skewed(top)
        if FULL:
            os.makedirs(DISK)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={LARGE}k", "tmpfs", DISK], check=True)
        if kind.startswith("store"):
            SERVER = S3("s3")
            for name in ("run", "shapes"):
                shutil.copytree(name, os.path.join("s3/bucket", name))
        while struck < strikes and time.monotonic() - began < seconds:
            shutil.rmtree(OUT, ignore_errors=True)
            if FULL:
                free(random.randint(300, 10000 if SERVER else 1500))
            status, here, tries, rest = 1, 0, 0, []
            while status != 0 and tries < 12:
                driver = start(engine)
                while find and driver.poll() is None and here < PER_RUN:
                    here += strike(kind, driver)
                if FULL and SERVER and tries == 0:
                    here += enlarge(driver)
                status = driver.wait()
                rest += left()
                tries += 1
                if FULL and not SERVER and status != 0:
                    here += 1
                    free(LARGE)
            wrong = check() if status == 0 else [f"status {status} after {tries} calls"]
            runs, struck, again = runs + 1, struck + here, again + tries - 1
            wrong_runs, left_over = wrong_runs + bool(wrong), left_over + bool(rest)
            if wrong or rest:
                print(kind, runs, "wrong:", wrong[:5], "left:", rest, flush=True)
                shutil.copy("said", f"/tmp/campaign-{kind}-{runs}.log")
    finally:
        os.chdir("/")
        if SERVER:
            SERVER.kill()
        if FULL:
            subprocess.run(["umount", os.path.join(top, DISK)], stderr=subprocess.DEVNULL)
        shutil.rmtree(top, ignore_errors=True)
    print(f"| {kind} | {struck} | {runs} | {again} | {runs - wrong_runs} | {left_over} |", flush=True)


if __name__ == "__main__":
    main()
