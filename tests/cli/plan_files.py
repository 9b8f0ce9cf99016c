#!/usr/bin/python3
"""kissa build and refit, and the other commands with a plan file: the same answers bit by bit, and one
clear line where the file or the command line is wrong.
"""

import json
import os
import re
import shutil

import numpy as np

import harness

NETWORK = ["deploy.prototxt", "digits.caffemodel"]
# The order of the tactics, which does not depend on the machine's mood.
STATIC = ["--build-seconds", "0"]


class PlanFiles(harness.DigitsCopy):
    """Runs kissa in a copy of the digits example."""

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)

    def kissa(self, *arguments, env=None):
        """A run that must succeed."""
        env = dict(os.environ, **env) if env else None
        return harness.run(self.options.kissa, *arguments, cwd=self.scratch, check=True, env=env)

    def output(self, folder, *arguments, env=None):
        """The blob prob of a run on random inputs."""
        self.kissa("run", *arguments, "--random-inputs", "5", "--output-dir", folder, env=env)
        return np.load(self.path(f"{folder}/prob.npy"))

    def expect(self, name, got, wanted):
        self.report.add(name, "" if got == wanted else f"{got!r}, not {wanted!r}")

    def expect_same(self, name, got, wanted):
        self.report.add(name, "" if got.tobytes() == wanted.tobytes() else "other bits")

    def refuse(self, arguments, *expected):
        before = sorted(os.listdir(self.scratch))
        done = harness.run(self.options.kissa, *arguments, cwd=self.scratch)
        problem = harness.error_problem(done, *expected)
        if not problem and sorted(os.listdir(self.scratch)) != before:
            problem = f"left {sorted(set(os.listdir(self.scratch)) - set(before))}"
        self.report.add(" ".join(["kissa", *arguments]), problem)


def check_same_answers(test):
    for name, arguments in [("fused", STATIC), ("caffe", ["--mode", "caffe"])]:
        arguments = [*arguments, "--shape", "data:3x1x28x28"]
        printed = test.kissa("build", *NETWORK, "-o", "net.kissa", *arguments).stdout
        test.expect(f"what build prints, {name}",
                    bool(re.match(rf"net\.kissa  [\d.]+ MiB: Digits, data 3x1x28x28; {name} fp32 on "
                                  rf"cpu, \d+ threads?; [\d.]+ s\n$", printed)), True)
        wanted = test.output("network", *NETWORK, *arguments)
        test.expect_same(f"run, {name}", test.output("plan", "net.kissa"), wanted)
        test.expect_same(f"run with -, {name}", test.output("plan", "net.kissa", "-"), wanted)
        other = test.output("one", "net.kissa", "--threads", "1")
        test.expect(f"one thread, {name}", bool(np.allclose(other, wanted, atol=1e-6)), True)
        lower = test.output("lower", "net.kissa", env={"KISSA_MAX_ISA": "baseline"})
        test.expect(f"another ISA, {name}", bool(np.allclose(lower, wanted, atol=1e-5)), True)


def check_rebuild_is_told(test):
    test.kissa("build", *NETWORK, "-o", "net.kissa", "--threads", "2", *STATIC)
    same = test.kissa("bench", "net.kissa", "--duration", "0", "--verbose")
    test.expect("nothing to tell", same.stderr, "")
    threads = test.kissa("bench", "net.kissa", "--threads", "1", "--duration", "0", "--verbose")
    test.expect("another number of threads is told",
                bool(re.match(r"kissa: net\.kissa: .*2 threads.*1 thread", threads.stderr)), True)
    lower = test.kissa("bench", "net.kissa", "--duration", "0", env={"KISSA_MAX_ISA": "baseline"})
    test.expect("another ISA is told",
                bool(re.match(r"kissa: warning: net\.kissa: .*packed anew", lower.stderr)) or
                harness.run("uname", "-m").stdout.strip() != "x86_64", True)


def check_commands(test):
    test.kissa("build", *NETWORK, "-o", "net.kissa", "--batch", "2", *STATIC)
    classify = ["mean.binaryproto", "labels.txt", "7.png"]
    wanted = test.kissa("classify", *NETWORK, *classify).stdout
    test.expect("classify", test.kissa("classify", "net.kissa", "-", *classify).stdout, wanted)
    with_time = test.kissa("classify", "net.kissa", "-", *classify, "2")
    test.expect("classify with the plan's batch", (with_time.stdout, with_time.stderr[:8]),
                (wanted, "batch 2:"))
    test.write("val.txt", "".join(f"{digit}.png {digit}\n" for digit in range(10)).encode())
    scores = test.kissa("eval", "net.kissa", "-", "mean.binaryproto", "--images", ".",
                        "--ground-truth", "val.txt").stdout
    test.expect("eval", scores.splitlines()[1], "top-1   10 (100.00 %)")
    bench = test.kissa("bench", "net.kissa", "--duration", "0", "--json", "bench.json").stdout
    test.expect("bench", "Network: Digits (net.kissa)" in bench and "Load: " in bench, True)
    test.expect("bench's batch", json.loads(test.read("bench.json"))["rows"][0]["batch"], 2)
    profile = test.kissa("profile", "net.kissa", "--duration", "0", "--runs", "2").stdout
    test.expect("profile", " conv1 + relu1\n" in profile, True)
    shown = test.kissa("inspect", "net.kissa").stdout
    test.expect("inspect", "conv1 + relu1\n    cpu.conv." in shown, True)
    document = json.loads(test.kissa("inspect", "net.kissa", "--json").stdout)
    test.expect("inspect as JSON", (document["name"], document["inputs"][0]["shape"]),
                ("Digits", [2, 1, 28, 28]))
    plan = json.loads(test.kissa("inspect", *NETWORK, "--batch", "2", "--plan", "--json",
                                 *STATIC).stdout)
    test.expect("the plan before it is written", plan["steps"], document["steps"])
    test.expect("why not a better one", any(step["refusals"] for step in plan["steps"]), True)


def check_passes(test):
    text = test.kissa("inspect", *NETWORK, "--passes").stdout
    test.expect("what is fused", "\n  'relu1' into 'conv1'\n" in text, True)
    text = test.kissa("inspect", *NETWORK, "--passes", "--skip-pass", "fuse_activation").stdout
    test.expect("a pass left out", "fuse_activation: switched off\n" in text, True)
    test.kissa("build", *NETWORK, "-o", "net.kissa", "--skip-pass", "fuse_activation", *STATIC)
    test.expect("steps without fusion", "\nrelu1\n" in test.kissa("inspect", "net.kissa").stdout,
                True)
    test.refuse(["build", *NETWORK, "-o", "no.kissa", "--skip-pass", "fuse_activations"],
                "fuse_activations", "did you mean 'fuse_activation'", "drop_no_ops")


def check_timing_cache(test):
    cache = ["--timing-cache", "times.json"]
    test.refuse(["build", *NETWORK, "-o", "no.kissa", *cache, "--error-on-cache-miss"],
                "times.json")
    test.kissa("build", *NETWORK, "-o", "a.kissa", *cache, "--build-seconds", "60")
    test.kissa("build", *NETWORK, "-o", "b.kissa", *cache, "--error-on-cache-miss")
    test.expect("a complete cache gives the same file", test.read("a.kissa") == test.read("b.kissa"),
                True)


def check_timing_cache_of_concat(test):
    """A concatenation that its producers write into has no time, and must not wait for one."""
    test.write("concat.prototxt", b"""
        layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 20 dim: 20 } } }
        layer { name: "a" type: "Convolution" bottom: "data" top: "a"
                convolution_param { num_output: 16 kernel_size: 3 } }
        layer { name: "b" type: "Convolution" bottom: "data" top: "b"
                convolution_param { num_output: 16 kernel_size: 3 } }
        layer { name: "both" type: "Concat" bottom: "a" bottom: "b" top: "both" }
        layer { name: "c" type: "Convolution" bottom: "both" top: "c"
                convolution_param { num_output: 16 kernel_size: 3 } }
        """)
    build = ["build", "concat.prototxt", "--random-weights", "1", "--timing-cache", "times.json"]
    done = test.kissa(*build, "-o", "a.kissa", "--build-seconds", "60", "--verbose")
    test.expect("measuring ends by itself", "is over" in done.stderr, False)
    test.kissa(*build, "-o", "b.kissa", "--error-on-cache-miss")
    test.expect("a complete cache with a concatenation",
                test.read("a.kissa") == test.read("b.kissa"), True)


def check_refit(test):
    test.kissa("build", "deploy.prototxt", "-o", "random.kissa", "--random-weights", "1", *STATIC)
    test.kissa("build", *NETWORK, "-o", "net.kissa", *STATIC)
    random = test.output("random", "random.kissa")
    wanted = test.output("wanted", "net.kissa")
    test.expect("other weights, other answers", random.tobytes() == wanted.tobytes(), False)
    os.rename(test.path("deploy.prototxt"), test.path("moved.prototxt"))
    test.kissa("refit", "random.kissa", "digits.caffemodel", "-o", "refit.kissa")
    test.expect_same("refit", test.output("refit", "refit.kissa"), wanted)
    test.refuse(["refit", "random.kissa", "missing.caffemodel", "-o", "no.kissa"],
                "missing.caffemodel")
    test.refuse(["refit", "digits.caffemodel", "digits.caffemodel", "-o", "no.kissa"],
                "digits.caffemodel", ".kissa")


def check_bad_files(test):
    test.kissa("build", *NETWORK, "-o", "net.kissa", *STATIC)
    good = test.read("net.kissa")
    run = ["run", "bad.kissa", "--random-inputs", "1", "--output-dir", "out"]
    for size in [0, 10, 71, 72, 5000, len(good) - 1]:
        test.write("bad.kissa", good[:size])
        test.refuse(run, "bad.kissa")
    for place in [*range(0, 72, 5), *range(72, len(good), len(good) // 70)]:
        damaged = bytearray(good)
        damaged[place] ^= 16
        test.write("bad.kissa", bytes(damaged))
        # Packed weights are read as they are, and what they were packed from when it is needed.
        as_built = harness.run(test.options.kissa, *run, cwd=test.scratch).returncode
        shutil.rmtree(test.path("out"), ignore_errors=True)
        test.refuse(run if as_built else [*run, "--threads", "7"], "bad.kissa")
    test.write("bad.kissa", test.read("7.png"))
    test.refuse(run, "bad.kissa", "no plan file")
    test.refuse(["run", "missing.kissa", "--random-inputs", "1", "--output-dir", "out"],
                "missing.kissa")
    test.write("bad.kissa", good[:8] + b"\x07" + good[9:])
    test.refuse(run, "bad.kissa", "format 7", "build it again")


def check_bad_usage(test):
    test.refuse(["build", *NETWORK, "-o", "net.plan"], "net.plan", ".kissa")
    test.refuse(["build", *NETWORK, "-o", "missing/net.kissa", *STATIC], "missing/net.kissa")
    test.kissa("build", *NETWORK, "-o", "net.kissa", *STATIC)
    test.refuse(["build", "net.kissa", "-o", "no.kissa"], "net.kissa", "already")
    run = ["run", "net.kissa", "--random-inputs", "1", "--output-dir", "out"]
    for option in [["--mode", "caffe"], ["--precision", "fp32"], ["--shape", "data:1x1x28x28"],
                   ["--fetch", "conv1"], ["--skip-pass", "fuse_activation"], ["--device", "cpu"],
                   ["--random-weights", "1"], ["--build-seconds", "1"]]:
        test.refuse([*run, *option], "net.kissa", option[0])
    test.refuse(["bench", "net.kissa", "digits.caffemodel"], "net.kissa", "digits.caffemodel")
    test.refuse(["bench", "net.kissa", "--batch", "4"], "net.kissa", "batch 1, not 4")
    np.save(test.path("in.npy"), np.zeros((2, 1, 28, 28), "f4"))
    test.refuse(["run", "net.kissa", "--input", "data=in.npy", "--output-dir", "out"], "data",
                "2x1x28x28", "1x1x28x28")
    test.refuse(["inspect", "net.kissa", "--passes"], "net.kissa", "prototxt")


def main():
    checks = [check_same_answers, check_rebuild_is_told, check_commands, check_passes,
              check_timing_cache, check_timing_cache_of_concat, check_refit, check_bad_files, check_bad_usage]
    harness.run_checks(__doc__, PlanFiles, checks)


if __name__ == "__main__":
    main()
