"""gpu_worker.py: the engines of one library in a process of their own, driven by lines on standard
input; making a library ready takes longer than measuring with it.

Answers each with a line of JSON on standard output, {"error": ...} if it cannot:
    (at start)              {}
    make NAME SPEC          {"version": ..., "how": ..., "clock": ..., "build_s": ...}
    drop                    {}: forgets all engines
    NAME infer IN.npy OUT.npy   {}: runs the batch in IN.npy, writes the probabilities
    NAME run SECONDS        {"us": [...]}: every run, from the host's call until it is done
    NAME burst              {"us": ...}: median of bursts of 10 runs, a run
    NAME sustained SECONDS  {"us": ...}: a run, without a pause for so long
'kissa bench --serve' speaks the last four, without a name.
"""

import gc
import json
import os
import statistics
import sys
import time

import numpy as np

from engines import Unavailable
from gpu_engines import ENGINES
from worker import LEAST_RUNS

BURST = 10
LEAST_BURSTS, MOST_BURSTS, MOST_SECONDS = 3, 40, 2
CHUNK_US = 50e3


def time_bursts(engine):
    """As tools/burst.cpp: a pause as long as the burst behind each."""
    engine.queue(BURST)
    times, start = [], time.perf_counter()
    while len(times) < MOST_BURSTS and (len(times) < LEAST_BURSTS or
                                        time.perf_counter() - start < MOST_SECONDS):
        times.append(engine.queue(BURST))
        time.sleep(times[-1] * BURST * 1e-6)
    return statistics.median(times)


def time_sustained(engine, seconds):
    """As tools/burst.cpp: chunks of some 50 ms, one behind the other."""
    total = runs = 0
    chunk, start = BURST, time.perf_counter()
    while not runs or time.perf_counter() - start < seconds:
        us = engine.queue(chunk)
        total, runs = total + us * chunk, runs + chunk
        chunk = max(1, int(CHUNK_US / max(us, 1)))
    return total / runs


def time_single(engine, seconds):
    def run():
        begin = time.perf_counter()
        engine.call()
        engine.wait()
        return round((time.perf_counter() - begin) * 1e6, 1)
    run()
    times, start = [], time.perf_counter()
    while len(times) < LEAST_RUNS or time.perf_counter() - start < seconds:
        times.append(run())
    return times


class Engines:
    def __init__(self):
        self.made = {}

    def answer(self, line):
        words = line.split(maxsplit=2)
        if words[0] == "drop":
            self.made.clear()
            gc.collect()
            return {}
        if words[0] == "make":
            return self.make(words[1], json.loads(words[2]))
        engine, command, arguments = self.made[words[0]], words[1], "".join(words[2:]).split()
        if command == "infer":
            engine.set_input(np.load(arguments[0]))
            engine.call()
            engine.wait()
            np.save(arguments[1], engine.output())
            return {}
        if command == "run":
            return {"us": time_single(engine, float(arguments[0]))}
        us = time_bursts(engine) if command == "burst" else time_sustained(engine,
                                                                          float(arguments[0]))
        return {"us": round(us, 2)}

    def make(self, name, spec):
        start = time.perf_counter()
        engine = self.made[name] = ENGINES[spec["engine"]](spec)
        return {"version": engine.version, "how": engine.how, "clock": engine.clock,
                "build_s": round(time.perf_counter() - start, 1)}


def main():
    # Some libraries write to standard output: it becomes standard error, answers keep the real one.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    engines = Engines()
    print("{}", file=answers)
    for line in sys.stdin:
        try:
            answer = engines.answer(line)
        except Unavailable as reason:
            answer = {"error": str(reason)}
        except Exception as error:  # whatever a foreign library throws means the same here
            print(f"{line.strip()}: {error!r}", file=sys.stderr)
            answer = {"error": (str(error).strip() or repr(error)).splitlines()[0][:300]}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
