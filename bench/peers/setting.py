"""One setting: a batch size and a number of threads, and everyone who is timed in it."""

import json
import os
import sys
from dataclasses import dataclass

from processes import ExtraProgram, Spinner, Worker, WorkerError, say
from results import Row

HERE = os.path.dirname(os.path.realpath(__file__))
LOAD_TIMEOUT, SLICE_TIMEOUT = 300, 300  # seconds


@dataclass
class Candidate:
    """One engine in one precision; `extra` is the command of a program of the user's own."""
    engine: str
    precision: str
    mode: str | None = None
    extra: str | None = None

    def name(self):
        return " ".join(filter(None, (self.engine, self.mode, self.precision)))


class Setting:
    """All candidates at one batch size and number of threads."""

    def __init__(self, bench, batch, threads):
        self.bench = bench
        self.options = bench.options
        self.batch = batch
        self.threads = threads
        self.cpus = self.options.cpus[:threads]
        self.workers = []  # [worker, its row, its row under foreign load or None]
        self.spinner = None
        self.started = []  # all processes, those that failed too

    def rows(self):
        found = [row for _, *rows in self.workers for row in rows if row]
        return [row for row in found if row.slices]

    def start(self):
        for candidate in self.bench.candidates:
            try:
                worker = self.make_worker(candidate)
                self.started.append(worker)
                self.workers.append([worker, *self.make_rows(candidate, worker)])
            except WorkerError as error:
                say(f"skipped {candidate.name()}: {error}")
        if self.options.foreign_load and self.threads > 1:
            self.spinner = Spinner(self.cpus[-1])
            self.started.append(self.spinner)

    def make_worker(self, candidate):
        log = os.path.join(self.bench.folder, f"{candidate.name().replace(' ', '-')}.log")
        values = {"batch": self.batch, "threads": self.threads, "prototxt": self.bench.prototxt,
                  "caffemodel": self.bench.caffemodel}
        if candidate.extra:
            return ExtraProgram(candidate.extra, values, self.cpus, log)
        if candidate.engine == "kissa":
            command = [self.options.kissa, "bench", self.bench.prototxt, self.bench.caffemodel,
                       "--batch", str(self.batch), "--threads", str(self.threads), "--mode",
                       candidate.mode, "--precision", candidate.precision, "--serve"]
        else:
            spec = {"engine": candidate.engine, "precision": candidate.precision,
                    "batch": self.batch, "threads": self.threads,
                    **self.bench.specs[candidate.engine, self.batch]}
            command = [sys.executable, "-B", os.path.join(HERE, "worker.py"), json.dumps(spec)]
        try:
            return Worker(command, self.cpus, log)
        except OSError as error:
            raise WorkerError(str(error)) from None

    def make_rows(self, candidate, worker):
        version, checked = "-", {}
        if not candidate.extra:
            version = worker.hello(LOAD_TIMEOUT)["version"]
            difference, agree = self.bench.check.run(worker, self.batch)
            checked = {"max_abs_diff": difference, "top1_agree": agree,
                       "images": len(self.bench.check.images)}
        facts = (candidate.engine, version, candidate.mode, candidate.precision, self.batch,
                 self.threads)
        loaded = self.options.foreign_load and self.threads > 1
        return [Row(*facts, **checked), Row(*facts, foreign_load=True, **checked) if loaded
                else None]

    def measure(self):
        for number in range(self.options.rounds):
            say(f"batch {self.batch}, {self.threads} thread{'s' * (self.threads > 1)}: round "
                f"{number + 1} of {self.options.rounds}")
            round_slices = self.turns(number, 1)
            if self.spinner:
                self.spinner.go()
                try:
                    round_slices += self.turns(number, 2)
                finally:
                    self.spinner.stop()
            for row, times in round_slices:
                row.slices.append(times)

    def turns(self, number, which):
        """A slice of everyone, in an order that turns from round to round; `which` row of theirs
        it is for."""
        slices = []
        first = number % len(self.workers) if self.workers else 0
        for entry in self.workers[first:] + self.workers[:first]:
            worker, row = entry[0], entry[which]
            try:
                if isinstance(worker, ExtraProgram):
                    times = worker.run(self.options.slice, SLICE_TIMEOUT)
                else:
                    times = worker.ask(f"run {self.options.slice}", SLICE_TIMEOUT)["us"]
                slices.append((row, times))
            except WorkerError as error:
                say(f"dropped {row.name()} {row.precision}: {error}")
                worker.close()
                self.workers.remove(entry)
        return slices

    def close(self):
        for process in self.started:
            process.close()
