#!/usr/bin/python3
"""What the commands print and write when all is well, on the repository's own digits model."""

import json
import os
import re

import numpy as np

import harness

COMMANDS = ["classify", "detect", "run", "eval", "inspect", "bench", "profile", "compare", "study",
            "devices", "build", "refit", "export", "convert", "completion", "man"]
NETWORK = ["deploy.prototxt", "digits.caffemodel"]
# The same arithmetic in every run: fused mode chooses its tactics by their time.
EXACT = ["--mode", "caffe"]
CLASSIFY = ["classify", *NETWORK, "mean.binaryproto", "labels.txt", *EXACT]


class Commands(harness.DigitsCopy):
    """Runs kissa in a copy of the digits example."""

    def kissa(self, *arguments):
        """Standard output of a run that must succeed."""
        return harness.run(self.options.kissa, *arguments, cwd=self.scratch, check=True).stdout

    def expect(self, name, got, wanted):
        self.report.add(name, "" if got == wanted else f"{got!r}, not {wanted!r}")


def check_help(test):
    whole = test.kissa("--help")
    test.expect("version", test.kissa("--version"), "kissa 0.1.0\n")
    for command in COMMANDS:
        text = test.kissa(command, "--help")
        example = re.search(rf"^Examples?:\n  kissa {command} ", text, re.MULTILINE)
        test.expect(f"example in the help of {command}", bool(example), True)
        test.expect(f"{command} in the help", f"  kissa {command} " in whole, True)


def check_classify(test):
    single = "".join(test.kissa(*CLASSIFY, f"{digit}.png", "--top", "1") for digit in range(10))
    wanted = [str(digit) for digit in range(10)]
    with open(test.path("labels.txt"), encoding="utf-8") as file:
        labels = file.read().splitlines()
    rows = re.findall(r'^\d\.\d{4} - "(.*)"$', single, re.MULTILINE)
    test.expect("the digits", [str(labels.index(row)) for row in rows], wanted)
    images = [f"{digit}.png" for digit in range(10)]
    for batch in ["1", "3", "16"]:
        many = test.kissa(*CLASSIFY, "--images", *images, "--batch", batch, "--top", "1")
        test.expect(f"many images, batches of {batch}", many, single)
    folder = test.kissa(*CLASSIFY, "--images", ".", "--top", "1").replace("./", "")
    test.expect("a folder", folder, single)
    plain = test.kissa(*CLASSIFY, "7.png")
    test.expect("copies in a batch", test.kissa(*CLASSIFY, "7.png", "4"), plain)
    test.expect("lines", len(plain.splitlines()), 6)
    every = test.kissa(*CLASSIFY, "7.png", "--top", "99")
    test.expect("no more lines than labels", len(every.splitlines()), 11)
    test.expect("top 99 starts as top 5", every.startswith(plain), True)


def check_classify_options(test):
    plain = test.kissa(*CLASSIFY, "7.png")
    with open(test.path("labels.txt"), "rb") as file:
        labels = file.read()
    with open(test.path("crlf.txt"), "wb") as file:
        file.write(labels.replace(b"\n", b"\r\n"))
    crlf = ["classify", *NETWORK, "mean.binaryproto", "crlf.txt", "7.png", *EXACT]
    test.expect("labels with CRLF", test.kissa(*crlf), plain)
    test.expect("rgb of a gray network", test.kissa(*CLASSIFY, "7.png", "--rgb"), plain)
    document = json.loads(test.kissa(*CLASSIFY, "--images", "7.png", "3.png", "--batch", "2",
                                     "--json", "--top", "1"))
    test.expect("JSON images", [image["image"] for image in document["images"]],
                ["7.png", "3.png"])
    test.expect("JSON predictions",
                [image["predictions"][0]["index"] for image in document["images"]], [7, 3])
    test.expect("JSON time", sorted(document["time"]), ["batch", "median_us", "runs"])
    random = ["classify", "deploy.prototxt", "-", "-", "labels.txt", "7.png", *EXACT,
              "--random-weights"]
    test.expect("random weights repeat", test.kissa(*random, "1"), test.kissa(*random, "1"))
    test.expect("random weights differ", test.kissa(*random, "1") == test.kissa(*random, "2"), False)


def check_run(test):
    image = np.arange(2 * 28 * 28).reshape(2, 1, 28, 28) % 251
    for dtype in ["f4", "f8", "u1", "i8"]:
        np.save(test.path("in.npy"), image.astype(dtype))
        test.kissa("run", *NETWORK, "--input", "data=in.npy", "--fetch", "conv1,pool1",
                   "--output-dir", f"deep/{dtype}", *EXACT)
    folder = test.path("deep/f4")
    test.expect("files", sorted(os.listdir(folder)), ["conv1.npy", "pool1.npy", "prob.npy"])
    prob = np.load(os.path.join(folder, "prob.npy"))
    test.expect("type and shape", (str(prob.dtype), prob.shape), ("float32", (2, 10)))
    test.expect("rows sum to 1", bool(np.allclose(prob.sum(axis=1), 1, atol=1e-5)), True)
    test.expect("shape of conv1", np.load(os.path.join(folder, "conv1.npy")).shape[0], 2)
    for dtype in ["f8", "u1", "i8"]:
        other = np.load(test.path(f"deep/{dtype}/prob.npy"))
        test.expect(f"input of {dtype}", bool((other == prob).all()), True)
    printed = test.kissa("run", *NETWORK, "--random-inputs", "3", "--shape", "data:5x1x28x28",
                         "--output-dir", "random")
    test.expect("what is printed", printed, "random/prob.npy  5x10\n")


def check_run_network(test):
    with open(test.path("net.prototxt"), "w", encoding="utf-8") as file:
        file.write("""
            layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
            layer { name: "s" type: "Split" bottom: "data" top: "a/b c" top: "d" }
            layer { name: "t" type: "TanH" bottom: "d" top: "t" include { phase: TRAIN } }
            layer { name: "r" type: "ReLU" bottom: "d" top: "d" include { stage: "x" min_level: 2 } }
            """)
    np.save(test.path("v.npy"), np.array([[-1, 0, 2]], "f4"))
    run = ["run", "net.prototxt", "--input", "data=v.npy", "--output-dir"]
    test.kissa(*run, "out")
    test.expect("names of files", sorted(os.listdir(test.path("out"))), ["a_b_c.npy", "d.npy"])
    test.kissa(*run, "train", "--phase", "train")
    test.expect("phase", sorted(os.listdir(test.path("train"))), ["a_b_c.npy", "t.npy"])
    for level, wanted in [("1", [-1, 0, 2]), ("2", [0, 0, 2])]:
        test.kissa(*run, "out", "--stage", "x", "--level", level)
        test.expect(f"stage x, level {level}", np.load(test.path("out/d.npy"))[0].tolist(), wanted)


def check_shapes(test):
    """One input size for every command that loads a network; a fully convolutional one takes any."""
    with open(test.path("net.prototxt"), "w", encoding="utf-8") as file:
        file.write("""
            layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 8 dim: 8 } } }
            layer { name: "c" type: "Convolution" bottom: "data" top: "c"
                    convolution_param { num_output: 10 kernel_size: 3 stride: 2 } }
            layer { name: "p" type: "Pooling" bottom: "c" top: "p"
                    pooling_param { pool: AVE global_pooling: true } }
            layer { name: "prob" type: "Softmax" bottom: "p" top: "prob" }
            """)
    network = ["--random-weights", "1", "--shape", "data:2x1x21x13"]
    quick = ["--build-seconds", "0"]
    test.expect("run", test.kissa("run", "net.prototxt", *network, "--random-inputs", "1",
                                  "--output-dir", "out", "--fetch", "c"),
                "out/prob.npy  2x10x1x1\nout/c.npy  2x10x10x6\n")
    layers = json.loads(test.kissa("inspect", "net.prototxt", *network, "--json"))["layers"]
    test.expect("inspect", layers[0]["multiply_adds"], 2 * 10 * 9 * 10 * 6)
    for command, runs in [("bench", "--iterations"), ("profile", "--runs")]:
        text = test.kissa(command, "net.prototxt", *network, *quick, runs, "1", "--duration", "0",
                          "--warmup-ms", "0")
        test.expect(command, "Input: data 2x1x21x13, random" in text, True)
    test.kissa("build", "net.prototxt", *network, *quick, "-o", "net.kissa")
    test.expect("build", test.kissa("run", "net.kissa", "--random-inputs", "1", "--output-dir", "out"),
                "out/prob.npy  2x10x1x1\n")
    for command in [["classify", "net.prototxt", "-", "-", "labels.txt", "7.png"],
                    ["eval", "net.prototxt", "-", "-", "--images", ".", "--ground-truth", "val.txt"]]:
        with open(test.path("val.txt"), "w", encoding="utf-8") as file:
            file.write("7.png 7\n")
        small = test.kissa(*command, *network)
        large = test.kissa(*command, "--random-weights", "1", "--shape", "data:1x1x80x80")
        if command[0] == "classify":
            test.expect("classify at two sizes", small == large, False)


def check_eval(test):
    with open(test.path("val.txt"), "w", encoding="utf-8") as file:
        file.writelines(f"{digit}.png {digit}\n" for digit in range(9))
        file.write("9.png 0\n")
    command = ["eval", *NETWORK, "mean.binaryproto", "--images", ".", "--ground-truth", "val.txt"]
    test.expect("accuracy", test.kissa(*command).splitlines()[:2],
                ["images  10", "top-1   9 (90.00 %)"])
    for batch in ["1", "4"]:
        document = json.loads(test.kissa(*command, "--json", "--batch", batch))
        test.expect(f"JSON, batches of {batch}", (document["images"], document["top1"]), (10, 9))


def check_inspect(test):
    document = json.loads(test.kissa("inspect", *NETWORK, "--json"))
    conv = next(layer for layer in document["layers"] if layer["name"] == "conv1")
    _, _, height, width = conv["outputs"][0]["shape"]
    test.expect("parameters of conv1", conv["parameters"], 12 * 5 * 5 + 12)
    test.expect("multiply-adds of conv1", conv["multiply_adds"], 12 * 5 * 5 * height * width)
    totals = document["totals"]
    test.expect("sum of multiply-adds", totals["multiply_adds"],
                sum(layer["multiply_adds"] for layer in document["layers"]))
    test.expect("FLOPs", totals["flops"], 2 * totals["multiply_adds"] + totals["other_operations"])
    twice = json.loads(test.kissa("inspect", *NETWORK, "--json", "--batch", "2"))["totals"]
    test.expect("two images", twice["multiply_adds"], 2 * totals["multiply_adds"])
    text = test.kissa("inspect", "deploy.prototxt")
    test.expect("totals in the text", f"multiply-adds {totals['multiply_adds']} " in text, True)
    test.expect("memory of a run", "arena_bytes" in totals, True)
    dot = test.kissa("inspect", "deploy.prototxt", "--dot")
    test.expect("dot", dot.startswith("digraph") and '"' in dot, True)


def check_convert(test):
    with open(test.path("old.prototxt"), "w", encoding="utf-8") as file:
        file.write("""input: "x" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4
            layers { name: "p" type: POOLING bottom: "x" top: "p" pooling_param { kernel_size: 2 } }
            """)
    test.kissa("convert", "--upgrade", "old.prototxt", "digits.caffemodel", "--prototxt-out",
               "new.prototxt", "--weights-out", "new.caffemodel")
    with open(test.path("new.prototxt"), encoding="utf-8") as file:
        text = file.read()
    test.expect("today's format", ("layers" in text, 'type: "Pooling"' in text), (False, True))
    old, new = (test.kissa("run", "deploy.prototxt", weights, "--random-inputs", "1",
                           "--output-dir", folder, *EXACT) and np.load(test.path(f"{folder}/prob.npy"))
                for weights, folder in (("digits.caffemodel", "a"), ("new.caffemodel", "b")))
    test.expect("answers of upgraded weights", bool((old == new).all()), True)


def check_profile(test):
    text = test.kissa("profile", *NETWORK, "--runs", "3", "--duration", "0", "--warmup-ms", "0",
                      "--build-seconds", "0")
    steps = text.split("=== Steps ===")[1].split("=== Kinds ===")[0]
    for layer in ["conv1", "pool1", "prob"]:
        test.expect(f"{layer} has a time",
                    bool(re.search(rf"^ +\d+\.\d +\d+\.\d\d % .* cpu\..*\b{layer}\b", steps,
                                   re.MULTILINE)), True)
    shares = [float(share) for share in re.findall(r"^ +\d+\.\d +(\d+\.\d\d) %", steps,
                                                   re.MULTILINE)]
    test.expect("shares add up to 100 %", abs(sum(shares) - 100) < 0.01 * len(shares), True)
    check = dict(re.findall(r"^(Sum of steps|Whole run): (\d+\.\d) us", text, re.MULTILINE))
    test.expect("sum and whole are both there", len(check), 2)
    caffe = test.kissa("profile", *NETWORK, "--runs", "1", "--duration", "0", *EXACT)
    test.expect("caffe mode runs im2col", " conv.im2col" in caffe.split("=== Families ===")[1], True)


def main():
    checks = [check_help, check_classify, check_classify_options, check_run, check_run_network,
              check_shapes, check_eval, check_inspect, check_convert, check_profile]
    harness.run_checks(__doc__, Commands, checks)


if __name__ == "__main__":
    main()
