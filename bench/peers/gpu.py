"""Times Kissa on a GPU in turns with the peers found there; scripts/gpu_check calls it.

Batch by batch: every engine is made ready once and its answers checked, then all are timed in
turns, round by round. A library's engines share a process (gpu_worker.py), Kissa's have one each.
"""

import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field

import numpy as np

from check import Check
from processes import Worker, WorkerError, say
from results import Row, fastest_peers, speed

HERE = os.path.dirname(os.path.realpath(__file__))
MAKE_TIMEOUT, TURN_TIMEOUT = 300, 60  # seconds
# Name: the module that it needs, precisions.
PEERS = {
    "torch-eager": ("torch", ("fp32", "tf32", "fp16")),
    "torch-compile": ("torch", ("fp16",)),
    "torch-max-autotune": ("torch", ("fp16",)),
    "xla": ("jax", ("fp32", "tf32", "fp16")),
    "xla-nchw": ("jax", ("fp32", "tf32", "fp16")),
}
UNASKED = ("torch-eager", "torch-compile", "xla")  # those of 'all': the others build for long
ENVIRONMENT = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_CPP_MIN_LOG_LEVEL": "2",
               "TORCHINDUCTOR_COMPILE_THREADS": str(min(16, os.cpu_count()))}


@dataclass
class GpuRow(Row):
    """Its slices are of single runs, from the host's call until they are done."""
    device: str = "gpu"
    how: str | None = None
    clock: str | None = None  # that bursts are timed by
    build_s: float | None = None
    memory: dict | None = None
    allowed: tuple = (0, 0)  # largest difference, images that may change their first choice
    bursts: list = field(default_factory=list)  # microseconds a run, one a round
    sustained: float | None = None

    def is_right(self):
        return self.max_abs_diff is not None and self.max_abs_diff <= self.allowed[0] and \
            self.images - self.top1_agree <= self.allowed[1]

    def figure_us(self):
        return statistics.median(self.bursts)

    def to_json(self, speed_):
        result = super().to_json(speed_)
        del result["best_slice_us"], result["slice_medians_us"]
        more = {"device": self.device, "how": self.how, "clock": self.clock,
                "build_s": self.build_s, "burst_us": round(self.figure_us(), 2),
                "bursts_us": self.bursts, "sustained_us": self.sustained}
        if self.memory:
            more["memory"] = self.memory
        return {**result, "images_per_s": round(self.batch / self.figure_us() * 1e6, 1), **more}


class Engine:
    """One engine of a library's worker: what is asked goes there with its name."""

    def __init__(self, worker, name):
        self.worker = worker
        self.name = name

    def ask(self, line, timeout):
        return self.worker.ask(f"{self.name} {line}", timeout)

    def close(self):
        pass


@dataclass
class Setup:
    """What a comparison is of. `modes`: Kissa's (mode, precision); `allowed`: a GpuRow's, by them;
    `build`: further options of `kissa bench`; `save` is called with all rows after each round."""
    kissa: str
    model: list  # prototxt, caffemodel
    images: np.ndarray
    expected: np.ndarray
    modes: list
    allowed: dict
    batches: list
    peers: list
    rounds: int = 3
    single_s: float = 0.2
    sustained_s: float = 3
    device: str = "gpu"
    build: tuple = ()
    save: object = lambda rows: None


def choose_peers(text):
    """The peers of 'none', 'all' or names with commas between; ValueError if one is unknown. One
    whose module is not installed is left out with a line."""
    if text == "none":
        return []
    chosen = []
    for name in UNASKED if text == "all" else text.split(","):
        if name not in PEERS:
            raise ValueError(f"no peer '{name}'; there are {', '.join(PEERS)}")
        if importlib.util.find_spec(PEERS[name][0]):
            chosen.append(name)
        else:
            say(f"skipped  {name}: the module {PEERS[name][0]} is not installed")
    return chosen


class Comparison:
    def __init__(self, setup, folder):
        self.setup = setup
        self.folder = folder
        self.check = Check(setup.images, setup.expected, folder)
        self.cpus = os.sched_getaffinity(0)
        self.workers = {}  # of the libraries, by module
        self.rows = []

    def run(self):
        try:
            for batch in self.setup.batches:
                self.run_batch(batch)
        finally:
            for worker in self.workers.values():
                worker.close()
        return self.rows

    def run_batch(self, batch):
        entries = []
        try:
            for mode, precision in self.setup.modes:
                self.add(entries, self.make_kissa, mode, precision, batch)
            precisions = {precision for _, precision in self.setup.modes}
            for name in self.setup.peers:
                for precision in PEERS[name][1]:
                    if precision in precisions:
                        self.add(entries, self.make_peer, name, precision, batch)
            self.measure(entries, batch)
        finally:
            for engine, _ in entries:
                engine.close()
            self.drop()
            self.rows += timed(entries)
        report(timed(entries))

    def add(self, entries, make, *setting):
        """An engine whose answers were compared, and its row."""
        try:
            engine, row = make(*setting)
        except (WorkerError, OSError) as error:
            say(f"skipped  {error}")
            return
        try:
            row.max_abs_diff, row.top1_agree = self.check.run(engine, row.batch)
        except WorkerError as error:
            say(f"skipped  {row.name()} {row.precision}, batch {row.batch}: {error}")
            engine.close()
            return
        entries.append((engine, row))
        if not row.is_right():
            say(f"WRONG    {row.name()} {row.precision}, batch {row.batch}: largest difference "
                f"{row.max_abs_diff:.2g}, top-1 equal in {row.top1_agree} of {row.images}")

    def row(self, engine, version, mode, precision, batch, **facts):
        allowed = self.setup.allowed[mode or "fused", precision]
        return GpuRow(engine, version, mode, precision, batch, 1, images=len(self.check.images),
                      device=self.setup.device, allowed=allowed, **facts)

    def log(self, name):
        return os.path.join(self.folder, f"{name}.log")

    def make_kissa(self, mode, precision, batch):
        device = "cuda" if self.setup.device == "gpu" else "cpu"
        command = [self.setup.kissa, "bench", *self.setup.model, "--device", device, "--mode", mode,
                   "--precision", precision, "--batch", str(batch), "--serve", *self.setup.build]
        start = time.monotonic()
        worker = Worker(command, self.cpus, self.log(f"kissa-{mode}-{precision}"), stops=False)
        try:
            told = worker.hello(MAKE_TIMEOUT)
        except WorkerError as error:
            worker.close()
            raise WorkerError(f"kissa {mode} {precision}, batch {batch}: {error}") from None
        build_s = round(time.monotonic() - start, 1)
        say(f"ready    kissa {mode} {precision}, batch {batch}: {build_s:.1f} s")
        clock = "CUDA events" if device == "cuda" else "host"
        return worker, self.row("kissa", told["version"], mode, precision, batch, clock=clock,
                                build_s=build_s, memory=told["memory"])

    def make_peer(self, name, precision, batch):
        module = PEERS[name][0]
        prototxt, caffemodel = self.setup.model
        spec = {"engine": name, "precision": precision, "batch": batch, "prototxt": prototxt,
                "caffemodel": caffemodel, "device": self.setup.device}
        label = f"{name}-{precision}-{batch}"
        try:
            worker = self.workers.get(module) or self.start(module)
            told = worker.ask(f"make {label} {json.dumps(spec)}", MAKE_TIMEOUT)
        except WorkerError as error:
            if module in self.workers and self.workers[module].process.poll() is not None:
                self.workers.pop(module).close()
            raise WorkerError(f"{name} {precision}, batch {batch}: {error}") from None
        say(f"ready    {name} {precision}, batch {batch}: {told['build_s']:.1f} s")
        return Engine(worker, label), self.row(name, told["version"], None, precision, batch,
                                               how=told["how"], clock=told["clock"],
                                               build_s=told["build_s"])

    def start(self, module):
        command = [sys.executable, "-B", os.path.join(HERE, "gpu_worker.py")]
        worker = Worker(command, self.cpus, self.log(module), ENVIRONMENT, stops=False)
        self.workers[module] = worker
        worker.hello(MAKE_TIMEOUT)
        return worker

    def drop(self):
        for module, worker in list(self.workers.items()):
            try:
                worker.ask("drop", TURN_TIMEOUT)
            except WorkerError:
                worker.close()
                del self.workers[module]

    def measure(self, entries, batch):
        for number in range(self.setup.rounds):
            say(f"batch {batch}: round {number + 1} of {self.setup.rounds}")
            first = number % len(entries) if entries else 0
            for entry in entries[first:] + entries[:first]:
                self.turn(*entry, is_last=number == self.setup.rounds - 1)
            self.setup.save(to_json(self.rows + timed(entries)))

    def turn(self, engine, row, is_last):
        """A row that an error left unfinished keeps what its earlier rounds gave."""
        try:
            row.slices.append(engine.ask(f"run {self.setup.single_s}", TURN_TIMEOUT)["us"])
            row.bursts.append(engine.ask("burst", TURN_TIMEOUT)["us"])
            if is_last and self.setup.sustained_s > 0:
                row.sustained = engine.ask(f"sustained {self.setup.sustained_s}",
                                           TURN_TIMEOUT)["us"]
        except WorkerError as error:
            say(f"dropped  {row.name()} {row.precision}, batch {row.batch}: {error}")


def timed(entries):
    return [row for _, row in entries if row.bursts]


def to_json(rows):
    best = fastest_peers(rows)
    return [row.to_json(speed(row, best)) for row in rows]


def report(rows):
    best = fastest_peers(rows)
    for row in sorted(rows, key=lambda row: (row.precision, row.figure_us())):
        times = speed(row, best)
        print(f"{row.precision} batch {row.batch:<3} {row.name():18} in a burst "
              f"{row.figure_us():9.1f} us, sustained {row.sustained or 0:9.1f}, single "
              f"{row.median_us():9.1f}, difference {row.max_abs_diff:.1e}"
              f"{'' if row.is_right() else ' WRONG'}"
              f"{'' if times is None else f', {times:.2f} x the best peer'}", flush=True)


def compare(setup):
    """The rows, as results_schema.md has them."""
    with tempfile.TemporaryDirectory(prefix="kissa_gpu_") as folder:
        return to_json(Comparison(setup, folder).run())
