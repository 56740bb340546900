"""What setup-tensorflow and setup-python share: folders in the user's cache.

A folder is made in a temporary one beside it and renamed when it is complete,
so a set-up that is interrupted, even by kill -9, leaves nothing half done.
"""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

MARKER = ".complete"
PYTHON = os.environ.get("OSCAR_PYTHON") or sys.executable


class Problem(Exception):
    """Something the user can mend; its text is one line."""


def say(text):
    print("oscar:", text, file=sys.stderr, flush=True)


def root():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(os.path.abspath(cache), "oscar")


def complete(folder):
    return os.path.exists(os.path.join(folder, MARKER))


@contextlib.contextmanager
def locked():
    """One set-up at a time; so every temporary folder there is a dead one's."""
    os.makedirs(root(), exist_ok=True)
    with open(os.path.join(root(), ".lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up to finish")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for name in os.listdir(root()):
            if name.startswith(".tmp-"):
                shutil.rmtree(os.path.join(root(), name), ignore_errors=True)
        yield


def make(folder, need_mb, fill, good=complete):
    """Makes folder by fill(folder, scratch) unless good(folder) holds."""
    if good(folder):
        return
    with locked():
        if good(folder):  # by the set-up that was waited for
            return
        free_mb = shutil.disk_usage(root()).free >> 20
        if free_mb < need_mb:
            raise Problem(
                f"not enough disk space: {need_mb} MB are needed in {root()}, {free_mb} MB are free"
            )
        if python("-m", "pip", "--version").returncode != 0:
            raise Problem(f"pip is missing for {PYTHON}: apt-get install python3-pip")
        temp = tempfile.mkdtemp(prefix=".tmp-", dir=root())
        try:
            new, scratch = os.path.join(temp, "new"), os.path.join(temp, "scratch")
            os.mkdir(new)
            os.mkdir(scratch)
            fill(new, scratch)
            open(os.path.join(new, MARKER), "w").close()
            if os.path.lexists(folder):  # an incomplete one
                os.rename(folder, os.path.join(temp, "old"))
            os.rename(new, folder)
        finally:
            shutil.rmtree(temp, ignore_errors=True)


def python(*args):
    """Runs the interpreter quietly."""
    try:
        return subprocess.run([PYTHON, *args], capture_output=True, text=True)
    except OSError:
        raise Problem(f"{PYTHON} is missing (OSCAR_PYTHON): install it, or name another one") from None


def pip(*args, scratch, what):
    """Runs pip, which shows its progress; its failure becomes a Problem."""
    env = dict(
        os.environ,
        TMPDIR=scratch,  # so that nothing is left elsewhere
        PIP_USER="0",
        PIP_REQUIRE_VIRTUALENV="0",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
        PIP_ROOT_USER_ACTION="ignore",
    )
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    run = subprocess.run(
        [PYTHON, "-m", "pip", *args, *quiet],
        env=env,
        stdout=sys.stderr,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        preexec_fn=die_with_parent,
    )
    if run.returncode == 0:
        return
    log = run.stderr
    errors = [line[7:] for line in log.splitlines() if line.startswith("ERROR: ")]
    if "Errno 28" in log or "No space left" in log:
        raise Problem(f"not enough disk space for {what} in {root()}")
    if "establish a new connection" in log or "timed out" in log or "ProxyError" in log:
        raise Problem(f"cannot get {what}: no network (pip reached no package index)")
    missing = re.search(r"requirement (\S+) \(from versions: none\)", log)
    if missing:
        raise Problem(f"cannot get {what}: pip finds no {missing[1]} (no network?)")
    if run.returncode < 0:
        raise Problem(f"cannot get {what}: pip was stopped by signal {-run.returncode}")
    raise Problem(f"cannot get {what}: {(errors or log.splitlines() or ['pip failed'])[0]}")


def die_with_parent():
    """Makes the kernel end pip when the set-up itself is killed."""
    import ctypes

    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(main):
    """Runs main(); every expected failure is one line on stderr."""
    try:
        main()
    except Problem as problem:
        sys.exit(f"oscar: {problem}")
    except KeyboardInterrupt:
        sys.exit("oscar: set-up interrupted; the next one starts afresh")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit(f"oscar: not enough disk space in {root()}")
        sys.exit(f"oscar: {error}")
