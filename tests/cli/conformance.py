#!/usr/bin/python3
"""Runs every conformance case through 'kissa run', as a user's script would, and compares with what
real Caffe gave. Prints a line for each case that fails. Arguments after '--' go to kissa
(-- --mode caffe).
"""

import concurrent.futures
import glob
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
import typing

import numpy as np

import harness

GROUPS = ["layers", "models", "ssd"]
FP32_BITS = 24
OTHER_REASON = "does not have this layer type"
LARGEST_NUMBER = 1e30  # what is beyond stands for "nothing", as -FLT_MAX does
TRACE_BLOBS_AT_ONCE = 50


class Mismatch(Exception):
    """The program failed, or gave something other than Caffe did."""


def run_kissa(options, *arguments):
    done = harness.run(options.kissa, "run", *arguments, *options.extra)
    if done.returncode != 0:
        raise Mismatch(f"status {done.returncode}: {done.stderr.strip()}")


class Tolerance(typing.NamedTuple):
    """What a result may be off by: so much of itself, and so much of the largest."""
    relative: float
    absolute: float


def tolerance(options, arguments, relative=1e-4):
    """FP32's, and more where operands keep fewer bits: docs/gpu.md has the formula."""
    exact = Tolerance(relative, 1e-5)
    if options.bits >= FP32_BITS:
        return exact
    done = harness.run(options.kissa, "inspect", "--json",
                       *[word for word in arguments if word.endswith((".prototxt", ".caffemodel"))])
    if done.returncode != 0:
        return exact
    weights = [layer["params"][0]["shape"] for layer in json.loads(done.stdout)["layers"]
               if layer["params"] and len(layer["params"][0]["shape"]) > 1]
    longest = max((math.prod(shape[1:]) for shape in weights), default=1)
    unit, in_a_row = 2.0 ** -options.bits, math.sqrt(max(len(weights), 1))
    return Tolerance(max(relative, in_a_row * 4 * unit),
                     max(1e-5, in_a_row * (3 * unit + 2.0 ** -23 * math.sqrt(longest))))


def difference(got, ref, allowed):
    """What sets two arrays apart beyond their tolerance, or ''."""
    if got.dtype != np.float32:
        return f"is {got.dtype}, not float32"
    if got.shape != ref.shape:
        return f"has shape {got.shape}, not {ref.shape}"
    got, ref = got.astype(np.float64), ref.astype(np.float64)
    size = np.abs(ref)
    scale = max(size[size < LARGEST_NUMBER], default=0)
    with np.errstate(invalid="ignore"):
        error = np.abs(got - ref)
        good = (error <= allowed.relative * size + allowed.absolute * scale) | (got == ref)
        good |= np.isnan(got) & np.isnan(ref)
    if good.all():
        return ""
    worst = np.unravel_index(np.argmax(np.where(good, -1, np.nan_to_num(error, nan=np.inf))),
                             ref.shape)
    place = ", ".join(str(int(i)) for i in worst)
    return (f"differs in {np.count_nonzero(~good)} of {ref.size} values; "
            f"at ({place}) {got[worst]:g}, not {ref[worst]:g}")


def file_name(blob):
    return re.sub(r"[^A-Za-z0-9._-]", "_", blob) + ".npy"


def compare_outputs(folder, references, allowed):
    """`references`: file name in `folder` -> path of what Caffe gave."""
    got = set(os.listdir(folder))
    if got != set(references):
        raise Mismatch(f"wrote {sorted(got)}, not {sorted(references)}")
    for name, reference in references.items():
        problem = difference(np.load(os.path.join(folder, name)), np.load(reference), allowed)
        if problem:
            raise Mismatch(f"{name} {problem}")


def read_pairs(path):
    with open(path, encoding="utf-8") as lines:
        return [line.split() for line in lines if line.strip()]


def case_arguments(folder):
    arguments = [os.path.join(folder, "net.prototxt")]
    weights = os.path.join(folder, "net.caffemodel")
    if os.path.exists(weights):
        arguments.append(weights)
    for key, value in read_pairs(os.path.join(folder, "inputs.txt")):
        if key == "!stage":
            arguments += ["--stage", value]
        elif key == "!level":
            arguments += ["--level", value]
        elif not key.startswith("!"):
            arguments += ["--input", f"{key}={os.path.join(folder, value)}"]
    return arguments


def check_case(options, folder, scratch):
    arguments = case_arguments(folder)
    run_kissa(options, *arguments, "--output-dir", scratch)
    with open(os.path.join(folder, "case.json"), encoding="utf-8") as file:
        rtol = json.load(file).get("rtol", 1e-4)
    outputs = read_pairs(os.path.join(folder, "outputs.txt"))
    if any("detection" in blob for blob, _ in outputs):
        rtol = 1e-3
    compare_outputs(scratch, {file_name(blob): os.path.join(folder, name)
                              for blob, name in outputs}, tolerance(options, arguments, rtol))


def near(got, ref, scale, allowed):
    return abs(got - ref) <= allowed.relative * abs(ref) + allowed.absolute * scale


def check_trace_row(row, array, allowed):
    """Compares a blob with its shape, mean, rms, least, greatest and sampled values in Caffe."""
    if list(array.shape) != row["shape"]:
        raise Mismatch(f"blob {row['top']} has shape {list(array.shape)}, not {row['shape']}")
    values = array.astype(np.float64).ravel()
    scale = max(abs(row["min"]), abs(row["max"]))
    got = {"mean": values.mean(), "rms": np.sqrt((values ** 2).mean()), "min": values.min(),
           "max": values.max()}
    for name, value in got.items():
        if not near(value, row[name], scale, allowed):
            raise Mismatch(f"blob {row['top']}: {name} {value:g}, not {row[name]:g}")
    for index, value in row["samples"]:
        if not near(values[index], value, scale, allowed):
            raise Mismatch(f"blob {row['top']}: value {index} is {values[index]:g}, not {value:g}")


def check_trace(options, folder, arguments, scratch):
    """Fetches every blob of the network and compares it with the trace of Caffe's run."""
    with open(os.path.join(folder, "trace.json"), encoding="utf-8") as file:
        trace = json.load(file)["layers"]
    with open(os.path.join(folder, "net.prototxt"), encoding="utf-8") as file:
        tops = set(re.findall(r'top:\s*"([^"]*)"', file.read()))
    # Layers in place follow one another: the last row of a blob is what it holds at the end.
    rows = {row["top"]: row for row in trace if row["top"] in tops and row["type"] != "Input"}
    names = list(rows)
    allowed = tolerance(options, arguments)
    for begin in range(0, len(names), TRACE_BLOBS_AT_ONCE):
        some = names[begin:begin + TRACE_BLOBS_AT_ONCE]
        with tempfile.TemporaryDirectory(dir=scratch) as out:
            run_kissa(options, *arguments, "--fetch", ",".join(some), "--output-dir", out)
            for name in some:
                check_trace_row(rows[name], np.load(os.path.join(out, file_name(name))), allowed)


def check_network(options, folder, scratch):
    weights = os.path.join(scratch, "net.caffemodel")
    mkweights = os.path.join(options.shared, "conformance/tools/mkweights.py")
    subprocess.run([sys.executable, mkweights, os.path.join(folder, "shapes.json"), weights],
                   check=True)
    arguments = [os.path.join(folder, "net.prototxt"), weights]
    for path in sorted(glob.glob(os.path.join(folder, "in_*.npy"))):
        arguments += ["--input", f"{os.path.basename(path)[3:-4]}={path}"]
    out = os.path.join(scratch, "out")
    run_kissa(options, *arguments, "--output-dir", out)
    references = {os.path.basename(path)[4:]: path
                  for path in glob.glob(os.path.join(folder, "out_*.npy"))}
    rtol = 1e-3 if "detection_out.npy" in references else 1e-4
    compare_outputs(out, references, tolerance(options, arguments, rtol))
    check_trace(options, folder, arguments, scratch)


def check_error(options, folder, scratch):
    """Caffe refuses this case: so must Kissa, in one line that says where, and write nothing."""
    weights = os.path.join(folder, "net.caffemodel")
    files = [os.path.join(folder, "net.prototxt")]
    if os.path.exists(weights):
        files.append(weights)
    out = os.path.join(scratch, "out")
    done = harness.run(options.kissa, "run", *files, "--random-weights", "1", "--random-inputs", "1",
                       "--output-dir", out, *options.extra)
    with open(os.path.join(folder, "caffe_message.txt"), encoding="utf-8") as file:
        place = re.search(r"NetParameter: (\d+):\d+:", file.read())
    expected = f"{files[0]}:{place.group(1)}:" if place else files[-1]
    problem = harness.error_problem(done, expected)
    if not problem and OTHER_REASON in done.stderr:
        problem = f"refused for another reason: {done.stderr.strip()}"
    if not problem and os.path.exists(out):
        problem = "left an output folder behind"
    if problem:
        raise Mismatch(problem)


def list_checks(shared):
    """Name -> (function, folder)."""
    functions = {**{group: check_case for group in GROUPS}, "networks": check_network,
                 "errors": check_error}
    return {f"{group}/{os.path.basename(folder)}": (function, folder)
            for group, function in functions.items()
            for folder in sorted(glob.glob(os.path.join(shared, "conformance", group, "*")))}


def run_checks(options, checks, report):
    """Runs several at a time."""
    lock = threading.Lock()

    def run_one(name):
        function, folder = checks[name]
        problem = ""
        with tempfile.TemporaryDirectory() as scratch:
            try:
                function(options, folder, scratch)
            except (Mismatch, OSError, subprocess.SubprocessError, ValueError) as mismatch:
                problem = str(mismatch)
        with lock:
            report.add(name, problem)

    with concurrent.futures.ThreadPoolExecutor(max_workers=options.jobs) as pool:
        list(pool.map(run_one, checks))


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases with TEXT in the name")
    parser.add_argument("--jobs", type=int, default=2, help="how many cases to run at once (2)")
    parser.add_argument("--bits", type=int, default=FP32_BITS,
                        help=f"that the operands of products keep: 11 in FP16 and TF32 ({FP32_BITS})")
    parser.add_argument("extra", nargs="*", help="further arguments for kissa")
    options = harness.parse(parser)
    if not os.path.isdir(os.path.join(options.shared, "conformance")):
        harness.skip(f"all conformance cases, because {options.shared}/conformance is absent")
    checks = {name: check for name, check in list_checks(options.shared).items()
              if options.only in name}
    report = harness.Report()
    run_checks(options, checks, report)
    report.finish()


if __name__ == "__main__":
    main()
