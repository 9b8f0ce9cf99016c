"""worker.py SPEC: one engine in a process of its own, driven by lines on standard input.

Answers each with a line of JSON on standard output, {"error": ...} if it cannot:
    (at start)            {"version": "1.2"}
    infer IN.npy OUT.npy  {}: runs the batch in IN.npy, writes the probabilities
    run SECONDS           {"us": [...]}: the time of every run, on the last batch
'kissa bench --serve' speaks the same.
"""

import json
import os
import sys
import time

import numpy as np

from engines import Unavailable, make_engine

LEAST_RUNS = 2


def time_runs(run, seconds):
    """Microseconds of each run; one before them brings the caches back."""
    run()
    times = []
    start = time.perf_counter()
    while len(times) < LEAST_RUNS or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        run()
        times.append(round((time.perf_counter() - begin) * 1e6, 1))
    return times


def answer(engine, words):
    if words[0] == "infer":
        engine.set_input(np.load(words[1]))
        engine.run()
        np.save(words[2], engine.output())
        return {}
    if words[0] == "run":
        return {"us": time_runs(engine.run, float(words[1]))}
    return {"error": f"unknown command '{words[0]}'"}


def main():
    # Some engines write to standard output: it becomes standard error, answers keep the real one.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        engine = make_engine(json.loads(sys.argv[1]))
        print(json.dumps({"version": engine.version}), file=answers)
        for line in sys.stdin:
            print(json.dumps(answer(engine, line.split())), file=answers)
    except Unavailable as reason:
        print(json.dumps({"error": str(reason)}), file=answers)


if __name__ == "__main__":
    main()
