#!/usr/bin/python3
"""Bad input from outside: each must end with one clear line on standard error and status 1 (status 2
where the command line itself makes no sense), and leave no output file. The models are the
repository's own digits and networks written here.
"""

import os
import shutil

import numpy as np

import harness

INPUT = 'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}\n'
SMALL_INPUT = INPUT.format(dims="dim: 1 dim: 2 dim: 6 dim: 6")
UNSUPPORTED_MODES = [("--mode", "quick"), ("--precision", "fp64"), ("--device", "abacus")]


class BadInput(harness.DigitsCopy):
    """Runs kissa on files in a scratch folder and checks what it says."""

    files = ["deploy.prototxt", "digits.caffemodel", "mean.binaryproto", "labels.txt", "0.png",
             "1.png"]

    def write(self, name, content):
        mode = "wb" if isinstance(content, bytes) else "w"
        with open(os.path.join(self.scratch, name), mode) as file:
            file.write(content)
        return name

    def read(self, name):
        with open(os.path.join(self.scratch, name), "rb") as file:
            return file.read()

    def refuse(self, arguments, *expected, status=1):
        done = harness.run(self.options.kissa, *arguments, cwd=self.scratch)
        problem = harness.error_problem(done, *expected, status=status)
        if not problem and done.stdout:
            problem = f"printed {done.stdout!r}"
        out = os.path.join(self.scratch, "out")
        if not problem and os.path.exists(out):
            problem = f"left {os.listdir(out)} in the output folder"
        shutil.rmtree(out, ignore_errors=True)
        self.report.add(" ".join(["kissa", *arguments]), problem)

    def classify(self, *extra, **files):
        """The arguments of a good classification, but for the files and arguments given."""
        names = {"deploy": "deploy.prototxt", "weights": "digits.caffemodel",
                 "mean": "mean.binaryproto", "labels": "labels.txt", "image": "0.png"}
        names.update(files)
        return ["classify", *[name for name in names.values() if name], *extra]

    def run_network(self, text, *expected, weights=None):
        name = self.write("net.prototxt", text)
        files = [name] if weights is None else [name, weights]
        self.refuse(["run", *files, "--random-weights", "1", "--random-inputs", "1",
                     "--output-dir", "out"], *expected)


def check_files(test):
    for kind in ["deploy", "weights", "mean", "labels", "image"]:
        test.refuse(test.classify(**{kind: "missing.file"}), "missing.file")
        test.refuse(test.classify(**{kind: "."}), ".")
    test.write("empty", "")
    for kind in ["deploy", "weights", "mean", "labels", "image"]:
        test.refuse(test.classify(**{kind: "empty"}), "empty")


def check_weights(test):
    weights = test.read("digits.caffemodel")
    for size in [1, 100, len(weights) // 2, len(weights) - 1]:
        test.write("cut.caffemodel", weights[:size])
        test.refuse(test.classify(weights="cut.caffemodel"), "cut.caffemodel")
    test.write("garbage.caffemodel", b"\xff\x00garbage" * 1000)
    test.refuse(test.classify(weights="garbage.caffemodel"), "garbage.caffemodel")
    test.refuse(test.classify(weights="labels.txt"), "labels.txt")
    test.refuse(test.classify(weights="0.png"), "0.png")
    test.refuse(test.classify(weights="-"), "weights")
    test.write("wide.prototxt", test.read("deploy.prototxt").replace(b"num_output: 12",
                                                                     b"num_output: 13"))
    test.refuse(test.classify(deploy="wide.prototxt"), "conv1", "12x1x5x5", "13x1x5x5")


def check_networks(test):
    test.run_network(SMALL_INPUT + 'layer { name: "x" type: "ReLU" bottom: "data" top: "x"',
                     "net.prototxt:2:")
    test.run_network(SMALL_INPUT + 'layer { name: "x" typ: "ReLU" }', "net.prototxt:2:22", "typ")
    test.run_network("\x00\x01\x02", "net.prototxt:1:")
    test.run_network(SMALL_INPUT + 'layer { name: "x" type: "Convolutoin" bottom: "data" top: "x" }',
                     "net.prototxt:2:", "'x'", "Convolutoin", "Convolution")
    test.run_network(SMALL_INPUT + 'layer { name: "x" type: "ReLU" bottom: "dada" top: "x" }',
                     "net.prototxt:2:", "'x'", "'dada'", "did you mean 'data'?")
    test.run_network(
        SMALL_INPUT + 'layer { name: "a" type: "ReLU" bottom: "y" top: "x" }\n'
        'layer { name: "b" type: "ReLU" bottom: "x" top: "y" }', "net.prototxt:2:", "'y'", "cycle")
    test.run_network(INPUT.format(dims="dim: 1048576 dim: 1048576") +
                     'layer { name: "x" type: "ReLU" bottom: "data" top: "x" }', "net.prototxt:1:")
    test.run_network(INPUT.format(dims="dim: 1 dim: 1 dim: 1 dim: 1") +
                     'layer { name: "x" type: "InnerProduct" bottom: "data" top: "x" '
                     'inner_product_param { num_output: 2147483647 } }\n'
                     'layer { name: "y" type: "InnerProduct" bottom: "x" top: "y" '
                     'inner_product_param { num_output: 2147483647 } }', "net.prototxt:3:")
    test.run_network(INPUT.format(dims="dim: -1 dim: 3"), "net.prototxt:1:")
    test.run_network('name: "nothing"', "net.prototxt")
    test.run_network('layer { name: "' + "n" * 100000 + '\\n\\033[2J" type: "No" }', "net.prototxt:1:")


def check_labels_and_mean(test):
    test.write("nine.txt", "a\n" * 9)
    test.refuse(test.classify(labels="nine.txt"), "nine.txt", "9", "10")
    test.refuse(test.classify(mean="0.png"), "0.png")
    test.refuse(test.classify(mean="digits.caffemodel"), "digits.caffemodel")
    test.refuse(test.classify("--mean-values", "1,2"), "--mean-values", "2 values")
    test.refuse(test.classify("--mean-mode", "pixel", mean="-"), "--mean-mode pixel")


def check_images(test):
    image = test.read("0.png")
    test.write("cut.png", image[:len(image) // 2])
    test.refuse(test.classify(image="cut.png"), "cut.png")
    test.write("text.jpg", "this is no image")
    test.refuse(test.classify(image="text.jpg"), "text.jpg")
    # A header that claims 2^31 - 1 pixels a side.
    test.write("huge.png", image[:16] + b"\x7f\xff\xff\xff" * 2 + image[24:])
    test.refuse(test.classify(image="huge.png"), "huge.png")
    os.mkdir(os.path.join(test.scratch, "folder"))
    test.refuse(test.classify("--images", "folder", image=None), "folder")
    test.refuse(test.classify("--images", "0.png", "missing.png", image=None), "missing.png")
    test.refuse(test.classify("--images", "0.png"), "--images")
    test.refuse(test.classify(image=None), "image")
    test.refuse(test.classify("--crop", "1000"), "0.png", "--crop 1000")


def check_numbers(test):
    for batch in ["0", "-1"]:
        test.refuse(test.classify(batch), f"batch {batch}")
        test.refuse(test.classify("--batch", batch), f"batch {batch}")
    test.refuse(test.classify("7000000"), "GB", "smaller batch")
    test.refuse(test.classify("1000000000000"), "batch 1000000000000")
    for name, value in UNSUPPORTED_MODES:
        test.refuse(test.classify(name, value), value)
    for option in ["--top", "--resize", "--crop"]:
        test.refuse(test.classify(option, "0"), f"{option} 0")
    test.refuse(test.classify("--threads", "-2"), "--threads -2")
    test.refuse(test.classify("--scale", "nan"), "--scale")


def check_run(test):
    np.save(os.path.join(test.scratch, "good.npy"), np.zeros((1, 1, 28, 28), "f4"))
    np.save(os.path.join(test.scratch, "big.npy"), np.zeros((1, 1, 28, 28), ">f4"))
    good = test.read("good.npy")
    test.write("cut.npy", good[:-1])
    test.write("garbage.npy", b"\x93NUMPY\x01\x00\xff\xff{'descr': '<f4'")
    np.save(os.path.join(test.scratch, "flat.npy"), np.zeros((7,), "f4"))
    network = ["run", "deploy.prototxt", "digits.caffemodel", "--output-dir", "out"]
    test.refuse(network, "'data' (1x1x28x28)", "--input")
    for name in ["cut.npy", "garbage.npy", "big.npy", "0.png", "missing.npy"]:
        test.refuse([*network, "--input", f"data={name}"], name)
    test.refuse([*network, "--input", "data=flat.npy"], "deploy.prototxt")
    test.refuse([*network, "--input", "dat=good.npy"], "'dat'", "data")
    test.refuse([*network, "--input", "good.npy"], "blob=file.npy")
    test.refuse([*network, "--input", "data=good.npy", "--input", "data=good.npy"], "twice")
    test.refuse([*network, "--input", "data=good.npy", "--shape", "data:1x1x9x9"], "1x1x9x9")
    test.refuse([*network, "--input", "data=good.npy", "--fetch", "conv9"], "conv9", "conv")
    test.refuse([*network, "--random-inputs", "1", "--shape", "data:1x1"], "deploy.prototxt")
    test.refuse([*network, "--random-inputs", "1", "--shape", "data"], "--shape 'data'")
    folder = ["run", "deploy.prototxt", "digits.caffemodel", "--input", "data=good.npy"]
    test.refuse([*folder, "--output-dir", "good.npy"], "good.npy")
    test.refuse([*folder, "--output-dir", "/proc/no/such"], "/proc/no/such")
    test.run_network(SMALL_INPUT + 'layer { name: "x" type: "Split" bottom: "data" top: "a/b" top: '
                     '"a_b" }', "'a/b'", "'a_b'", "a_b.npy")


def check_eval(test):
    command = ["eval", "deploy.prototxt", "digits.caffemodel", "--images", ".", "--ground-truth"]
    for line, expected in [("1.png", "'1.png'"), ("1.png x", "'x'"), ("1.png 10", "10 classes"),
                           ("1.png -1", "'-1'"), ("2.png 1", "2.png")]:
        test.write("val.txt", f"0.png 0\n{line}\n")
        test.refuse([*command, "val.txt"], "val.txt:2:", expected)
    test.write("val.txt", "")
    test.refuse([*command, "val.txt"], "val.txt")
    test.refuse([*command, "missing.txt"], "missing.txt")


def check_usage(test):
    test.refuse([], "no command", status=2)
    test.refuse(["clasify"], "unknown command 'clasify'", "did you mean 'classify'?", status=2)
    test.refuse(["--versoin"], "unknown option '--versoin'", "--version", status=2)
    test.refuse(test.classify("--tpo", "3"), "'--tpo'", "did you mean '--top'?", status=2)
    test.refuse(["classify", "--tpo=3"], "'--tpo'", "did you mean '--top'?", status=2)
    test.refuse(["classify", "deploy.prototxt"], "kissa classify --help", status=2)
    test.refuse(test.classify("1", "2"), "unexpected argument '2'", status=2)
    test.refuse(test.classify("many"), "many", status=2)
    test.refuse(test.classify("--top", "many"), "--top", status=2)
    test.refuse(test.classify("--mean-mode", "median"), "--mean-mode", status=2)
    test.refuse(["run", "deploy.prototxt"], "--output-dir", status=2)
    test.refuse(["inspect", "deploy.prototxt", "--json", "--dot"], "--json", status=2)


def check_full_disk(test):
    """Standard output that cannot be written is an error too."""
    with open("/dev/full", "w", encoding="utf-8") as full:
        status, problem = harness.run_to(full, test.options.kissa, "inspect", "deploy.prototxt",
                                         cwd=test.scratch)
    if status == 1 and problem.startswith("kissa: standard output") and problem.count("\n") == 1:
        problem = ""
    test.report.add("kissa inspect > /dev/full", problem)


def main():
    checks = [check_files, check_weights, check_networks, check_labels_and_mean, check_images,
              check_numbers, check_run, check_eval, check_usage, check_full_disk]
    harness.run_checks(__doc__, BadInput, checks)


if __name__ == "__main__":
    main()
