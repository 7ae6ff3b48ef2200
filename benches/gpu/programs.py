"""Runs programs under time limits, keeps what they print, and knows how much time is left."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

# A program that has been asked to end gets so long to do so.
GRACE = 3
# No program starts with less time than this.
LEAST = 3
# Characters of a program's output that go into the log.
LOGGED = 100_000


@dataclass
class Ended:
    """What a program printed, how long it took, and what went wrong, if anything did."""

    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    failure: str = ""
    out_of_time: bool = False

    def rows(self):
        """The lines of its CSV, except one that was cut short."""
        return [row for row in csv.DictReader(self.stdout.splitlines()) if None not in row.values()]


@dataclass
class Check:
    """Where everything is, and until when."""

    scripts: os.PathLike
    work: os.PathLike
    out: os.PathLike
    rehearse: bool
    # The end of everything, and of the step.
    deadline: float
    # The folder of CIFAR-10, if it is there.
    cifar10: os.PathLike | None = None
    until: float = inf
    lock: threading.Lock = field(default_factory=threading.Lock)
    running: set = field(default_factory=set)

    def __post_init__(self):
        self.log = self.out / "log.txt"
        self.log.write_text("")

    @property
    def device(self):
        return "cpu" if self.rehearse else "cuda"

    def allow(self, seconds):
        """Begins a step that ends in so many seconds at the latest."""
        self.until = time.monotonic() + seconds

    def left(self):
        """Seconds left of the step."""
        return min(self.deadline, self.until) - time.monotonic()

    def program(self, name, *arguments, limit, cwd=None, **environment):
        """Runs one of the packed programs; CUDA's libraries come from PyTorch's wheels, if they are there."""
        libraries = [*cuda_libraries(), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        own = {"DEVICE": self.device, "LD_LIBRARY_PATH": os.pathsep.join(libraries), "RUST_BACKTRACE": 0}
        # The driver keeps what it compiles; the default is too little for all of candle's kernels.
        own["CUDA_CACHE_MAXSIZE"] = str(1 << 32)
        return self.run([self.work / name, *arguments], limit, own | environment, cwd)

    def script(self, name, *arguments, limit, **environment):
        """Runs one of the packed scripts with this Python."""
        # Threads that wait for each other on a busy machine would take minutes.
        threads = {"OMP_NUM_THREADS": 1} if self.rehearse else {}
        return self.run([sys.executable, self.scripts / name, *arguments], limit, threads | environment)

    def run(self, command, limit, environment, cwd=None):
        command = [str(word) for word in command]
        limit = min(limit, self.left() - 2 * GRACE)
        if limit < LEAST:
            return Ended(failure="not started: no time is left", out_of_time=True)
        began = time.monotonic()
        with temporary() as stdout, temporary() as stderr:
            whole = os.environ | {key: str(value) for key, value in environment.items()}
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=whole, cwd=cwd or self.work,
                    start_new_session=True,
                )
                self.running.add(process)
                code = wait(process, limit)
                self.running.discard(process)
            except OSError as error:
                code = error
            ended = Ended(seconds=time.monotonic() - began, out_of_time=code is None)
            for file, name in [(stdout, "stdout"), (stderr, "stderr")]:
                file.seek(0)
                setattr(ended, name, file.read())
        if code is None:
            ended.failure = f"stopped after {limit:.0f} s"
        elif code != 0:
            ended.failure = f"{describe(code)}: {last_line(ended.stderr) or last_line(ended.stdout) or 'it printed nothing'}"
        self.note(command, ended)
        return ended

    def abandon(self, signal_number, _frame):
        """Ends everything at once, because this process was asked to end."""
        for process in list(self.running):
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(self.work, ignore_errors=True)
        os._exit(128 + signal_number)

    def note(self, command, ended):
        """Appends the program's output to the log."""
        with self.lock, self.log.open("a") as log:
            log.write(f"$ {' '.join(command)}\n{ended.stdout[-LOGGED:]}{ended.stderr[-LOGGED:]}")
            log.write(f"== {ended.seconds:.1f} s {ended.failure or 'ok'}\n\n")

    def write(self, name, rows):
        """Writes a table; columns that some rows lack stay empty."""
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with (self.out / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def temporary():
    return tempfile.TemporaryFile("w+", errors="replace")


def wait(process, limit):
    """The exit code, or None if the program had to be ended. Nothing that it started stays."""
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        end(process, signal.SIGTERM)
        return None
    finally:
        end(process, signal.SIGKILL)


def end(process, how):
    """Sends a signal to the program and everything it started, and gives the program time to end."""
    try:
        os.killpg(process.pid, how)
        process.wait(GRACE)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass


def describe(code):
    if isinstance(code, OSError):
        return f"cannot be started ({code})"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def cuda_libraries():
    """The folders of the CUDA libraries that PyTorch's wheels brought, and the toolkit's."""
    folders = [path for place in sys.path for path in sorted(Path(place).glob("nvidia/*/lib"))]
    folders += [Path("/usr/local/cuda/lib64"), Path("/usr/local/nvidia/lib64")]
    return [str(path) for path in folders if path.is_dir()]
