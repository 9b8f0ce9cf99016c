#!/usr/bin/python3
"""Layers of a plugin: the example of examples/plugin, run by the program and compared with the same
in NumPy.
"""

import json
import os
import shutil
import tempfile

import numpy as np

import harness

EXAMPLE = os.path.join(harness.REPOSITORY, "examples/plugin")


def mish(x, beta):
    z = beta * x.astype(np.float64)
    return x * np.tanh(np.logaddexp(0, z) / beta)


class Plugins:
    """Runs kissa in a folder with the example's network and a caffemodel-free gain."""

    def __init__(self, options, scratch, report):
        self.options = options
        self.scratch = scratch
        self.report = report
        shutil.copyfile(os.path.join(EXAMPLE, "net.prototxt"), self.path("net.prototxt"))

    def path(self, name):
        return os.path.join(self.scratch, name)

    def kissa(self, *arguments, check=True):
        return harness.run(self.options.kissa, *arguments, cwd=self.scratch, check=check)

    def expect(self, name, problem):
        self.report.add(name, problem)


def check_run(test):
    x = np.linspace(-30, 30, 2 * 4 * 3 * 5, dtype=np.float32).reshape(2, 4, 3, 5)
    np.save(test.path("in.npy"), x)
    wanted = mish(x, 0.5)
    for mode in ["caffe", "fused"]:
        test.kissa("run", "net.prototxt", "--plugin", test.options.plugin, "--input", "data=in.npy",
                   "--random-weights", "1", "--fetch", "mish", "--output-dir", "out", "--mode", mode)
        got = np.load(test.path("out/mish.npy"))
        test.expect(f"Mish, {mode} mode",
                    "" if np.allclose(got, wanted, rtol=1e-5, atol=1e-6) else "differs from NumPy")
        ratio = np.load(test.path("out/gain.npy")) / got
        gains = ratio[0, :, 0, 0]
        same = np.allclose(ratio, gains.reshape(1, 4, 1, 1), rtol=1e-5)
        test.expect(f"ChannelGain, {mode} mode",
                    "" if same and len(set(gains)) == 4 else f"gains are {gains}")


def check_inspect(test):
    done = test.kissa("inspect", "net.prototxt", "--plugin", test.options.plugin, "--json")
    layers = {layer["name"]: layer for layer in json.loads(done.stdout)["layers"]}
    test.expect("description", "" if layers["mish"]["description"].startswith("Mish: beta 0.5")
                else layers["mish"]["description"])
    test.expect("operations", "" if layers["mish"]["other_operations"] == 7 * 60
                else str(layers["mish"]["other_operations"]))
    test.expect("parameters", "" if layers["gain"]["parameters"] == 4
                else str(layers["gain"]["parameters"]))


def check_plan_file(test):
    network = ["net.prototxt", "--plugin", test.options.plugin, "--random-weights", "1"]
    x = np.ones((1, 4, 3, 5), np.float32)
    np.save(test.path("in.npy"), x)
    test.kissa("run", *network, "--input", "data=in.npy", "--output-dir", "direct")
    test.kissa("build", *network, "--build-seconds", "0", "-o", "net.kissa")
    run = ["run", "net.kissa", "--input", "data=in.npy", "--output-dir", "planned"]
    test.kissa(*run, "--plugin", test.options.plugin)
    same = np.array_equal(np.load(test.path("direct/gain.npy")), np.load(test.path("planned/gain.npy")))
    test.expect("a plan file gives the same", "" if same else "it differs")
    test.expect("a plan file needs the plugin",
                harness.error_problem(test.kissa(*run, check=False), "'Mish'", "--plugin"))


def check_errors(test):
    run = ["inspect", "net.prototxt"]
    test.expect("without the plugin",
                harness.error_problem(test.kissa(*run, check=False), "net.prototxt:", "Mish"))
    test.expect("no such file", harness.error_problem(
        test.kissa(*run, "--plugin", "none.so", check=False), "none.so"))
    test.expect("no shared object", harness.error_problem(
        test.kissa(*run, "--plugin", "net.prototxt", check=False), "net.prototxt: cannot be loaded"))
    with open(test.path("net.prototxt"), encoding="utf-8") as file:
        text = file.read()
    for old, new, reason in [("beta: 0.5", "beta: -1", "beta must be positive"),
                             ("beta: 0.5", "beta: x", "beta 'x' is no number"),
                             ("beta: 0.5", "beta 1 {", "net.prototxt"),
                             ("dim: 1 dim: 4 dim: 3 dim: 5", "dim: 4", "takes one bottom of 2 axes")]:
        with open(test.path("net.prototxt"), "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        done = test.kissa(*run, "--plugin", test.options.plugin, check=False)
        test.expect(new, harness.error_problem(done, "net.prototxt", reason))


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--plugin", required=True, help="the example's shared object")
    options = harness.parse(parser)
    options.plugin = os.path.abspath(options.plugin)
    report = harness.Report()
    for check in [check_run, check_inspect, check_plan_file, check_errors]:
        with tempfile.TemporaryDirectory() as scratch:
            check(Plugins(options, scratch, report))
    report.finish()


if __name__ == "__main__":
    main()
