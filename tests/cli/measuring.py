#!/usr/bin/python3
"""What the commands that measure print and write, on the repository's own digits model."""

import json
import os
import re
import signal
import subprocess
import time

import numpy as np

import harness

NETWORK = ["deploy.prototxt", "digits.caffemodel"]
QUICK = ["--duration", "0", "--warmup-ms", "0", "--build-seconds", "0"]
SUMMARY = ["min", "max", "mean", "median", r"percentile\(90%\)", r"percentile\(95%\)",
           r"percentile\(99%\)"]


class Measuring(harness.DigitsCopy):
    """Runs kissa in a copy of the digits example."""

    files = ["deploy.prototxt", "digits.caffemodel", "mean.binaryproto", "labels.txt"] + \
            [f"{digit}.png" for digit in range(10)]

    def kissa(self, *arguments):
        """Standard output of a run that must succeed."""
        return harness.run(self.options.kissa, *arguments, cwd=self.scratch, check=True).stdout

    def json(self, *arguments):
        """The result that a run with --json FILE writes."""
        self.kissa(*arguments, "--json", "result.json")
        return self.read("result.json")

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def expect(self, name, got, wanted):
        self.report.add(name, "" if got == wanted else f"{got!r}, not {wanted!r}")


def check_bench_text(test):
    text = test.kissa("bench", *NETWORK, *QUICK, "--iterations", "20", "--threads", "1", "--mode",
                      "caffe")
    test.expect("its own mode in the first lines", text.splitlines()[1],
                "Measured: caffe mode, fp32, batch 1, on cpu by 1 thread")
    number = r"[\d.e+-]+"
    for line in ["Latency", "Enqueue Time", "H2D Latency", "CPU Compute Time", "D2H Latency"]:
        parts = ", ".join(f"{part} = {number} ms" for part in SUMMARY)
        test.expect(line, bool(re.search(f"^{line}: {parts}$", text, re.MULTILINE)), True)
    test.expect("queries", "Timing trace has 20 queries over " in text, True)
    for line in [f"Throughput: {number} qps", f"Total Host Walltime: {number} s",
                 f"Total CPU Compute Time: {number} s"]:
        test.expect(line, bool(re.search(f"^{line}$", text, re.MULTILINE)), True)
    other = test.kissa("bench", *NETWORK, *QUICK, "--percentile", "50,99.9", "--avg-runs", "5")
    test.expect("other percentiles", "percentile(50%) = " in other and "(99.9%)" in other, True)
    test.expect("averages", other.count("Average on 5 runs - "), 2)


def check_bench_json(test):
    result = test.json("bench", *NETWORK, *QUICK, "--iterations", "30", "--batch", "3")
    test.expect("envelope", (result["schema"], result["what"], result["network"]),
                (1, "bench", "Digits"))
    row = result["rows"][0]
    test.expect("row", (row["runs"], row["batch"], row["complete"]), (30, 3, True))
    latency = row["latency_us"]
    test.expect("order", latency["min"] <= latency["median"] <= latency["max"], True)
    rate = 3 * row["runs"] / row["wall_s"]
    test.expect("images a second", abs(row["images_per_s"] / rate - 1) < 1e-3, True)


def check_bench_load(test):
    row = test.json("bench", *NETWORK, "--build-seconds", "0", "--warmup-ms", "0", "--duration",
                    "0.2", "--qps", "100")["rows"][0]
    test.expect("open loop", (row["runs"], row["qps"], "queue_us" in row), (20, 100, True))
    streams = test.json("bench", *NETWORK, *QUICK, "--streams", "2", "--threads", "1",
                        "--iterations", "40")["rows"][0]
    test.expect("streams", (streams["streams"], streams["runs"]), (2, 40))
    hint = [text for text in streams["warnings"] if "2 streams" in text]
    test.expect("a warning about streams", len(hint), 1)


def check_bench_files(test):
    image = np.linspace(-1, 1, 28 * 28, dtype="f4").reshape(1, 1, 28, 28)
    np.save(test.path("in.npy"), image)
    image.tofile(test.path("in.raw"))
    outputs = []
    for source in ["in.npy", "in.raw"]:
        text = test.kissa("bench", *NETWORK, *QUICK, "--iterations", "12", "--mode", "caffe",
                          "--load-inputs", f"data:{source}", "--dump-output", "--export-times",
                          "t.json", "--export-profile", "p.json", "--export-layer-info", "l.json",
                          "--export-output", "o.json")
        outputs.append(re.search(r"^prob 1x10: .*$", text, re.MULTILINE).group())
        test.expect(f"input from {source}", f"Input: data 1x1x28x28, {source}" in text, True)
    test.expect("the same input", outputs[0], outputs[1])
    test.kissa("run", *NETWORK, "--mode", "caffe", "--input", "data=in.npy", "--output-dir", "out")
    wanted = np.load(test.path("out/prob.npy"))
    output = test.read("o.json")[0]
    test.expect("output", (output["name"], output["dimensions"]), ("prob", "1x10"))
    test.expect("values", bool(np.allclose(output["values"], wanted[0], atol=1e-6)), True)
    times = test.read("t.json")
    test.expect("times", (len(times), sorted(times[0])), (12, sorted([
        "startEnqMs", "endEnqMs", "startH2dMs", "endH2dMs", "startComputeMs", "endComputeMs",
        "startD2hMs", "endD2hMs", "h2dMs", "computeMs", "d2hMs", "latencyMs"])))
    profile = test.read("p.json")
    test.expect("count", list(profile[0]), ["count"])
    test.expect("layer", sorted(profile[1]),
                ["averageMs", "medianMs", "name", "percentage", "timeMs"])
    test.expect("all of it", abs(sum(row["percentage"] for row in profile[1:]) - 100) < 0.01, True)
    info = test.read("l.json")
    test.expect("layers", len(info["Layers"]), len(profile) - 1)
    test.expect("bindings", info["Bindings"], ["data", "prob"])


def interrupted(test, command, sign):
    """What a long run prints after its line that begins with `sign` and an interrupt."""
    command = [test.options.kissa, *command, "--duration", "60", "--build-seconds", "0"]
    with subprocess.Popen(command, cwd=test.scratch, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith(sign):
                break
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    test.expect(f"status of {command[1]} after an interrupt", process.returncode, 130)
    test.expect(f"{command[1]} says so", "Interrupted" in rest, True)
    return rest


def check_interrupts(test):
    test.kissa("devices")  # measures the peaks once
    rest = interrupted(test, ["bench", *NETWORK, "--json", "cut.json"], "Runs:")
    test.expect("what was measured is told", "Throughput: " in rest, True)
    test.expect("and kept", test.read("cut.json")["rows"][0]["complete"], False)
    rest = interrupted(test, ["profile", *NETWORK, "--json", "cut.json"], "Runs:")
    test.expect("a profile is told", "=== Kinds ===" in rest, True)
    cut = test.read("cut.json")
    test.expect("and kept", (cut["complete"], cut["runs"] > 0), (False, True))
    interrupted(test, ["study", *NETWORK, "--save", "cut.json"], "Measured:")
    cut = test.read("cut.json")
    test.expect("a study is kept", (cut["complete"], len(cut["rows"]) > 1), (False, True))


def check_bench_refusals(test):
    for options, text in [
            (["--percentile", "101"], "from 0 to 100"), (["--sustained", "1"], "only a GPU"), (["--streams", "0"], "--streams 0"),
            (["--load-inputs", "data"], "NAME:FILE"), (["--load-inputs", "x:y"], "no input 'x'"),
            (["--qps", "-1"], "--qps -1"), (["--avg-runs", "-2"], "--avg-runs -2"),
            (["--load-inputs", "data:labels.txt"], "takes 784 numbers")]:
        done = harness.run(test.options.kissa, "bench", *NETWORK, *QUICK, *options,
                           cwd=test.scratch)
        test.report.add(f"bench {' '.join(options)}", harness.error_problem(done, text))
    test.expect("no file is left", os.path.exists(test.path("result.json")), False)


def check_profile(test):
    result = test.json("profile", *NETWORK, *QUICK, "--runs", "5", "--trace", "trace.json")
    steps = result["steps"]
    layers = [layer for step in steps for layer in step["layers"]]
    test.expect("each layer once", sorted(layers), sorted(set(layers)))
    test.expect("the layers", {"conv1", "relu1", "pool1", "prob"} <= set(layers), True)
    test.expect("sum", abs(sum(step["us"] for step in steps) - result["sum_us"]) < 1e-6, True)
    test.expect("shares", abs(sum(step["share"] for step in steps) - 1) < 1e-9, True)
    kinds = {kind["kind"]: kind for kind in result["kinds"]}
    for whole in ["sum_us", "kinds_us"]:
        test.expect(whole, abs(sum(kind["us"] for kind in kinds.values()) - result[whole]) < 1e-6,
                    True)
    test.expect("a CPU neither launches nor waits", "kernel launch" in kinds, False)
    inspected = json.loads(test.kissa("inspect", *NETWORK, "--json"))
    test.expect("multiply-adds", sum(step["multiply_adds"] for step in steps),
                inspected["totals"]["multiply_adds"])
    conv = next(step for step in steps if "conv1" in step["layers"])
    rate = conv["flops"] / conv["us"] * 1e-3
    test.expect("GFLOP/s", abs(conv["gflops"] / rate - 1) < 1e-6, True)
    peak = next(rate["gflops"] for rate in result["peaks"]["rates"] if rate["precision"] == "fp32")
    test.expect("of peak", abs(conv["peak_share"] - conv["gflops"] / peak) < 1e-6, True)
    for block in result["memory"]["blocks"]:
        fits = 0 <= block["offset"] <= result["memory"]["arena"] - block["bytes"]
        test.expect("blocks lie in the arena", fits and block["first"] <= block["last"], True)
    events = test.read("trace.json")["traceEvents"]
    test.expect("trace", len([event for event in events if event["ph"] == "X"]), 5 * len(steps))
    split = test.kissa("profile", *NETWORK, *QUICK, "--runs", "2", "--attribute")
    test.expect("layers of fused steps", bool(re.search(
        r"^ +\d+\.\d +relu1 \(\d+\.\d us unfused\)$", split, re.MULTILINE)), True)


def check_devices(test):
    environment = dict(os.environ, XDG_CACHE_HOME=test.path("cache"))

    def devices(*options):
        harness.run(test.options.kissa, "devices", "--json", "d.json", *options, cwd=test.scratch,
                    check=True, env=environment)
        return test.read("d.json")["devices"]
    cpu = devices()[0]
    cores = len(os.sched_getaffinity(0))
    test.expect("the processors", (cpu["name"], 1 <= cpu["units"] <= cores), ("cpu", True))
    test.expect("peaks", all(rate["gflops"] > 0.1 for rate in cpu["peaks"]["rates"]), True)
    test.expect("bandwidth", cpu["peaks"]["bandwidth"] > 0.1, True)
    test.expect("kept", devices()[0]["peaks"], cpu["peaks"])
    with open(test.path("cache/kissa/peaks.json"), "w", encoding="utf-8") as file:
        file.write("{ broken")
    test.expect("a broken cache is measured anew", devices()[0]["peaks"]["bandwidth"] > 0.1, True)


def check_compare(test):
    compare = ["compare", "caffe", "fused", *NETWORK, "--images", ".", "--labels", "labels.txt",
               "--mean", "mean.binaryproto"]
    text = test.kissa(*compare, "--json", "compare.json", "--save-a", "a.json", "--save-b", "b.json")
    test.expect("no layer parts", "No layer parts by more than 0.001" in text, True)
    result = test.read("compare.json")
    test.expect("agreement", (result["agreement"]["inputs"], result["agreement"]["top1"]), (10, 10))
    test.expect("first", result["first"], None)
    blobs = [layer["blob"] for layer in result["layers"]]
    test.expect("blobs", {"conv1", "prob"} <= set(blobs), True)
    saved = test.json("compare", "a.json", "b.json")
    test.expect("saved outputs agree as those that ran", saved["agreement"]["max_abs"],
                result["agreement"]["max_abs"])
    strict = test.json(*compare, "--tolerance", "1e-12")
    test.expect("a tolerance that nothing meets", strict["first"] is not None, True)
    mixed = test.json("compare", "a.json", "fused,threads=1", *compare[3:])
    test.expect("saved against run", (mixed["agreement"]["top1"], mixed["layers"]), (10, []))
    for wrong, message in [(["fp32", "fp17", *NETWORK], "did you mean 'fp16'"),
                           (["fp32", "caffe"], "give the network"),
                           (["a.json", "labels.json"], "labels.json")]:
        done = harness.run(test.options.kissa, "compare", *wrong, cwd=test.scratch)
        test.report.add(f"compare {' '.join(wrong)}", harness.error_problem(done, message))


def check_compared_times(test):
    for mode in ["caffe", "fused"]:
        test.json("bench", *NETWORK, *QUICK, "--mode", mode)
        os.rename(test.path("result.json"), test.path(f"bench_{mode}.json"))
        test.kissa("profile", *NETWORK, *QUICK, "--runs", "2", "--mode", mode, "--json",
                   f"profile_{mode}.json")
    compared = test.json("compare", "bench_caffe.json", "bench_fused.json")
    row = compared["rows"][0]
    times = [test.read(f"bench_{mode}.json")["rows"][0]["median_us"] for mode in ["caffe", "fused"]]
    test.expect("saved times", [row["a_us"], row["b_us"]], times)
    test.expect("faster", abs(row["faster"] - times[0] / times[1]) < 1e-9, True)
    text = test.kissa("compare", "profile_caffe.json", "profile_fused.json")
    test.expect("saved profiles", "=== Kinds: caffe mode, fp32, batch 1, on cpu" in text, True)
    done = harness.run(test.options.kissa, "compare", "bench_caffe.json", "profile_caffe.json",
                       cwd=test.scratch)
    test.report.add("a bench and a profile", harness.error_problem(done, "nothing can be compared"))


def check_study(test):
    study = ["study", *NETWORK, "--duration", "0.05", "--build-seconds", "0", "--batch", "2",
             "--images", "3.png", "7.png"]
    text = test.kissa(*study, "--save", "study.json")
    result = test.read("study.json")
    ways = [(row["mode"], row["precision"], row["batch"]) for row in result["rows"]]
    test.expect("caffe and fused, both batches",
                {("caffe", "fp32", 1), ("fused", "fp32", 1), ("caffe", "fp32", 2),
                 ("fused", "fp32", 2)} <= set(ways), True)
    first = result["rows"][0]
    test.expect("against itself", (first["max_abs_diff"], first["top1_agree"]), (0, 1))
    test.expect("theory", [row["machine"] for row in result["theory"]][-2:],
                ["Jetson TX1", "Jetson TX2"])
    test.expect("all findings", len(result["findings"]), 12)
    test.expect("they are printed", all(row["here"] in text for row in result["findings"]), True)
    test.expect("heaviest", bool(result["heaviest"]["caffe"] and result["heaviest"]["fused"]), True)
    again = test.kissa(*study, "--against", "study.json")
    test.expect("against", "=== Against study.json ===" in again, True)
    done = harness.run(test.options.kissa, *study, "--against", "labels.txt", cwd=test.scratch)
    test.report.add("against no study", harness.error_problem(done, "labels.txt"))


# The examples of --help run as they stand, on files of their names; those of GPUs and of BF16 not
# everywhere.
def check_help_examples(test):
    for file, name in [("digits.caffemodel", "net.caffemodel"), ("labels.txt", "words.txt")]:
        os.link(test.path(file), test.path(name))
    os.mkdir(test.path("val"))
    os.link(test.path("3.png"), test.path("val/3.png"))
    test.kissa("build", *NETWORK, "-o", "net.kissa", "--build-seconds", "0")
    test.kissa("compare", "caffe", "fused", *NETWORK, "--save-a", "cpu.json", "--save-b",
               "gpu.json", "--json", "compare.json")
    quick = ["--duration", "0", "--warmup-ms", "0"]
    more = {"bench": quick, "profile": quick, "study": ["--duration", "0", "--build-seconds", "0"]}
    for command in ["bench", "profile", "compare", "study", "devices", "report"]:
        help_text = harness.run(test.options.kissa, command, "--help").stdout
        examples = re.findall(rf"^  kissa {command}(.*)$", help_text, re.MULTILINE)
        if command != "report":  # left out where there is no Chart.js
            test.expect(f"examples of {command}", len(examples) > 0, True)
        for example in examples:
            if "cuda" in example or "bf16" in example:
                continue
            done = harness.run(test.options.kissa, command, *example.split(),
                               *more.get(command, []), cwd=test.scratch)
            test.expect(f"kissa {command}{example}", (done.returncode, done.stderr), (0, ""))
        if command == "study":
            os.link(test.path("here.json"), test.path("study.json"))


def check_shells(test):
    script = test.kissa("completion", "bash")
    with open(test.path("complete.bash"), "w", encoding="utf-8") as file:
        file.write(script + """
complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kissa; echo "${COMPREPLY[*]}"; }
complete_line kissa ben
complete_line kissa bench --mode f
complete_line kissa bench --export-t
""")
    done = harness.run("/bin/bash", test.path("complete.bash"), check=True)
    test.expect("bash completes", done.stdout.splitlines(), ["bench", "fused", "--export-times"])
    for shell in ["zsh", "fish"]:
        test.expect(f"{shell} knows bench", "bench" in test.kissa("completion", shell), True)
    done = harness.run(test.options.kissa, "completion", "csh")
    test.report.add("completion for csh", harness.error_problem(done, "bash, zsh or fish"))
    page = test.kissa("man")
    for text in [".TH KISSA 1", "kissa bench", "\\-\\-export\\-times", ".SH EXIT STATUS"]:
        test.expect(f"manual has {text}", text in page, True)
    done = harness.run(test.options.kissa, "bench", "x", "--iteration", "3")
    test.report.add("nearest option", harness.error_problem(done, "did you mean '--iterations'",
                                                            status=2))


def main():
    checks = [check_bench_text, check_bench_json, check_bench_load, check_bench_files,
              check_interrupts, check_bench_refusals,
              check_profile, check_devices, check_compare, check_compared_times,
              check_study, check_help_examples, check_shells]
    harness.run_checks(__doc__, Measuring, checks)


if __name__ == "__main__":
    main()
