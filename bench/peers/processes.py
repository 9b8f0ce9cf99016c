"""Processes that are timed in turns: everyone but the one whose turn it is stands still."""

import ctypes
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def say(text):
    print(text, file=sys.stderr, flush=True)


class WorkerError(Exception):
    """A worker that refused or died, and why in one line."""


def start(command, cpus, log, environment=None, **options):
    """A process pinned to `cpus`, in a group of its own, that dies with this one."""
    def prepare():
        os.sched_setaffinity(0, cpus)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    count = str(len(cpus))
    variables = {**os.environ, "OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count,
                 "MKL_NUM_THREADS": count, "TORCHINDUCTOR_COMPILE_THREADS": "1",
                 **(environment or {})}
    return subprocess.Popen(command, stderr=log, env=variables, preexec_fn=prepare,
                            start_new_session=True, **options)


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


class Worker:
    """An engine behind the protocol of worker.py. Stopped by SIGSTOP but while it answers, unless
    `stops` is False."""

    def __init__(self, command, cpus, log_path, environment=None, stops=True):
        self.log_path = log_path
        self.stops = stops
        with open(log_path, "wb") as log:
            self.process = start(command, cpus, log, environment, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        self.pending = b""

    def hello(self, timeout):
        """What the worker says of itself once its model is loaded."""
        return self.receive(timeout)

    def ask(self, line, timeout):
        signal_group(self.process, signal.SIGCONT)
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(self.last_words()) from None
        return self.receive(timeout)

    def receive(self, timeout):
        deadline = time.monotonic() + timeout
        while b"\n" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                signal_group(self.process, signal.SIGKILL)  # or it would answer the next question
                raise WorkerError(f"no answer in {timeout:.0f} s")
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise WorkerError(self.last_words())
            self.pending += data
        if self.stops:
            signal_group(self.process, signal.SIGSTOP)
        line, self.pending = self.pending.split(b"\n", 1)
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def last_words(self):
        status = self.process.wait()
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            lines = [line.strip() for line in log if line.strip()]
        return lines[-1] if lines else f"ended with status {status}, see {self.log_path}"

    def close(self):
        signal_group(self.process, signal.SIGKILL)
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class ExtraProgram:
    """Somebody's own program: prints 'min X median Y ms' for RUNS runs. It is started anew for
    every slice, so a slice gives two figures and not every run."""

    def __init__(self, command, values, cpus, log_path):
        self.command = command
        self.values = values
        self.cpus = cpus
        self.log_path = log_path
        self.runs = 3

    def run(self, seconds, timeout):
        """(min, median, runs) of one slice, in microseconds."""
        words = [word.format(**self.values, runs=self.runs) for word in shlex.split(self.command)]
        runs = self.runs
        with open(self.log_path, "ab") as log:
            try:
                process = start(words, self.cpus, log, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE)
            except OSError as error:
                raise WorkerError(str(error)) from None
        try:
            text = process.communicate(timeout=timeout)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            raise WorkerError(f"no answer in {timeout:.0f} s") from None
        finally:
            signal_group(process, signal.SIGKILL)
            process.wait()
        found = re.search(r"min\s+([\d.]+)\s+median\s+([\d.]+)\s+ms", text)
        if process.returncode or not found:
            raise WorkerError(f"status {process.returncode} and no 'min X median Y ms', see "
                              f"{self.log_path}")
        low, median = (float(number) * 1e3 for number in found.groups())
        self.runs = max(2, int(seconds * 1e6 / median))
        return low, median, runs

    def close(self):
        pass


class Spinner:
    """A process that does nothing but keep one core busy, while it is let run."""

    def __init__(self, cpu):
        self.process = start(["/bin/sh", "-c", "while :; do :; done"], {cpu}, subprocess.DEVNULL)
        self.stop()

    def go(self):
        signal_group(self.process, signal.SIGCONT)

    def stop(self):
        signal_group(self.process, signal.SIGSTOP)

    def close(self):
        signal_group(self.process, signal.SIGKILL)
        self.process.wait()
