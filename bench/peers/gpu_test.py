#!/usr/bin/python3
"""Tests what the comparison on a GPU does without one: rows, workers, turns; JAX's network where JAX
is installed."""

import contextlib
import importlib.util
import io
import os
import stat
import sys
import tempfile
import unittest

import numpy as np

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

sys.dont_write_bytecode = True

import gpu
import gpu_engines
import gpu_worker
import reference
from engines import Unavailable
from network import load_network

ROOT = os.path.dirname(os.path.dirname(HERE))
DIGITS = [os.path.join(ROOT, "examples", "digits", name)
          for name in ("deploy.prototxt", "digits.caffemodel")]
CASES = os.path.join(ROOT, "..", "shared", "conformance", "layers")
EXPECTED = np.float32([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]])

# Speaks as 'kissa bench --serve' does. Its answer is the input, in FP16 off by 0.125,
# and none with batch 3.
KISSA = f"""#!{sys.executable}
import json, sys
import numpy as np
precision = sys.argv[sys.argv.index("--precision") + 1]
batch = sys.argv[sys.argv.index("--batch") + 1]
if precision == "tf32":
    print('{{"error": "no such precision here"}}', flush=True)
    sys.exit()
print('{{"version": "1.0", "memory": {{"weights": 5, "arena": 6}}}}', flush=True)
rounds = 0
for line in sys.stdin:
    words = line.split()
    if words[0] == "infer" and precision == "fp16" and batch == "3":
        print('{{"error": "cannot"}}', flush=True)
        continue
    if words[0] == "infer":
        np.save(words[2], np.load(words[1]).reshape(int(batch), -1) + (precision == "fp16") / 8)
        print("{{}}", flush=True)
        continue
    rounds += words[0] == "burst"
    us = {{"run": [30.0, 20.0], "burst": 10.0 * rounds, "sustained": 14.5}}[words[0]]
    print(json.dumps({{"us": us}}), flush=True)
"""


class FakeEngine:
    version, how, clock = "3", "by hand", "host"

    def __init__(self, spec):
        if spec["precision"] == "tf32":
            raise Unavailable("has no tf32")
        self.queued, self.calls, self.waits = [], 0, 0

    def set_input(self, images):
        self.images = images

    def call(self):
        self.calls += 1

    def wait(self):
        self.waits += 1

    def queue(self, times):
        self.queued.append(times)
        return 2000.0 + len(self.queued)

    def output(self):
        return self.images * 2


def make_row(engine, bursts, **facts):
    facts = {"max_abs_diff": 1e-6, "top1_agree": 50, "images": 51, "allowed": (2e-2, 1),
             "mode": None, **facts}
    return gpu.GpuRow(engine, "1", facts.pop("mode"), "fp16", 8, 1, bursts=bursts,
                      slices=[[30.0, 20.0], [40.0]], **facts)


class Rows(unittest.TestCase):
    def test_ratio_is_of_bursts_over_the_best_right_peer(self):
        rows = [make_row("kissa", [90.0, 110.0, 100.0], mode="fused"), make_row("a", [250.0]),
                make_row("b", [400.0]), make_row("off", [50.0], max_abs_diff=0.021),
                make_row("blind", [50.0], top1_agree=49),
                make_row("nan", [50.0], max_abs_diff=float("inf"))]
        told = gpu.to_json(rows)
        self.assertEqual([row["speed_vs_fastest_peer"] for row in told[:3]], [2.5, 1, 0.625])
        self.assertEqual([row["counts"] for row in told], [True] * 3 + [False] * 3)
        self.assertEqual((told[0]["burst_us"], told[0]["median_us"], told[0]["images_per_s"]),
                         (100, 30, 80000))
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            gpu.report(rows)
        self.assertEqual(output.getvalue().count("WRONG"), 3)

    def test_peers_are_chosen_by_name_and_by_what_is_installed(self):
        self.assertEqual(gpu.choose_peers("none"), [])
        with self.assertRaisesRegex(ValueError, "no peer 'tensorrt'; there are torch-eager"):
            gpu.choose_peers("tensorrt")
        known = dict(gpu.PEERS)
        self.addCleanup(gpu.PEERS.update, known)
        for name in known:
            gpu.PEERS[name] = ("no_such_module" if "torch" in name else "json", ("fp32",))
        with contextlib.redirect_stderr(io.StringIO()) as told:
            self.assertEqual(gpu.choose_peers("all"), ["xla"])
        self.assertIn("torch-eager: the module no_such_module is not installed", told.getvalue())

    def test_every_peer_has_a_class(self):
        self.assertEqual(set(gpu.PEERS), set(gpu_engines.ENGINES))


class GpuWorker(unittest.TestCase):
    def setUp(self):
        self.engines = gpu_worker.Engines()
        known = gpu_worker.ENGINES
        gpu_worker.ENGINES = {"fake": FakeEngine}
        self.addCleanup(setattr, gpu_worker, "ENGINES", known)

    def make(self):
        told = self.engines.answer('make one {"engine": "fake", "precision": "fp32"}')
        self.assertEqual((told["version"], told["how"], told["clock"]), ("3", "by hand", "host"))
        return self.engines.made["one"]

    def test_bursts_are_of_ten_and_their_median_is_told(self):
        engine = self.make()
        self.assertEqual(self.engines.answer("one burst"), {"us": 2000 + (2 + 41) / 2})
        self.assertEqual(engine.queued, [10] * 41)

    def test_slow_bursts_are_three(self):
        engine = self.make()
        most, gpu_worker.MOST_SECONDS = gpu_worker.MOST_SECONDS, 0
        self.addCleanup(setattr, gpu_worker, "MOST_SECONDS", most)
        self.assertEqual(self.engines.answer("one burst"), {"us": 2003})
        self.assertEqual(engine.queued, [10] * 4)

    def test_sustained_is_weighed_by_runs(self):
        engine = self.make()
        seconds = 0.01
        us = self.engines.answer(f"one sustained {seconds}")["us"]
        self.assertEqual(engine.queued[:2], [10, 24])
        times = [(2001 + i) * runs for i, runs in enumerate(engine.queued)]
        self.assertAlmostEqual(us, sum(times) / sum(engine.queued), places=1)

    def test_single_runs_are_waited_for(self):
        engine = self.make()
        times = self.engines.answer("one run 0")["us"]
        self.assertEqual((len(times), engine.calls, engine.waits), (2, 3, 3))

    def test_infer_keeps_files_and_drop_forgets(self):
        self.make()
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/in.npy", EXPECTED)
            self.assertEqual(self.engines.answer(f"one infer {folder}/in.npy {folder}/out.npy"), {})
            np.testing.assert_array_equal(np.load(f"{folder}/out.npy"), EXPECTED * 2)
        self.engines.answer("drop")
        with self.assertRaises(KeyError):
            self.engines.answer("one burst")

    def test_engine_that_cannot_says_so(self):
        with self.assertRaisesRegex(Unavailable, "no tf32"):
            self.engines.answer('make one {"engine": "fake", "precision": "tf32"}')


class Turns(unittest.TestCase):
    def test_kissa_alone_is_checked_and_measured(self):
        saved = []
        with tempfile.TemporaryDirectory() as folder:
            kissa = os.path.join(folder, "kissa")
            with open(kissa, "w", encoding="utf-8") as file:
                file.write(KISSA)
            os.chmod(kissa, stat.S_IRWXU)
            modes = [("fused", "fp32"), ("fused", "tf32"), ("fused", "fp16")]
            setup = gpu.Setup(
                kissa=kissa, model=["a.prototxt", "a.caffemodel"],
                images=EXPECTED.reshape(3, 2, 1, 1), expected=EXPECTED, modes=modes,
                allowed=dict.fromkeys(modes, (1e-4, 0)), batches=[1, 2, 3], peers=[], rounds=2,
                save=lambda rows: saved.append(len(rows)))
            with contextlib.redirect_stdout(io.StringIO()), \
                    contextlib.redirect_stderr(io.StringIO()) as told:
                rows = gpu.compare(setup)
        self.assertEqual(saved, [2, 2, 4, 4, 5, 5])
        self.assertEqual([(row["precision"], row["batch"], row["counts"], row["max_abs_diff"])
                          for row in rows],
                         [("fp32", 1, True, 0), ("fp16", 1, False, 0.125),
                          ("fp32", 2, True, 0), ("fp16", 2, False, 0.125),
                          ("fp32", 3, True, 0)])
        row = rows[0]
        self.assertEqual((row["bursts_us"], row["burst_us"], row["sustained_us"]),
                         ([10, 20], 15, 14.5))
        self.assertEqual((row["median_us"], row["runs"], row["memory"]),
                         (25, 4, {"weights": 5, "arena": 6}))
        self.assertIsNone(row["speed_vs_fastest_peer"])
        self.assertIn("kissa fused tf32, batch 2: no such precision here", told.getvalue())
        self.assertIn("skipped  kissa fused fp16, batch 3: cannot", told.getvalue())
        self.assertIn("WRONG    kissa fused fp16", told.getvalue())


@unittest.skipUnless(importlib.util.find_spec("jax"), "JAX is not installed")
class Jax(unittest.TestCase):
    def answers(self, prototxt, caffemodel, images, precision="fp32"):
        for name in gpu_engines.Xla.LAYOUTS:
            engine = gpu_engines.Xla({
                "engine": name, "precision": precision, "batch": len(images), "device": "cpu",
                "prototxt": prototxt, "caffemodel": caffemodel})
            engine.set_input(images)
            engine.call()
            engine.wait()
            yield engine.output()

    def test_agrees_with_the_reference_on_a_network(self):
        network = load_network(*DIGITS)
        images = np.random.default_rng(1).normal(0, 60, (2, *network.input_shape)).astype("f4")
        expected = reference.run(network, images)
        for precision, error in (("fp32", 1e-5), ("fp16", 2e-2)):
            for got in self.answers(*DIGITS, images, precision):
                np.testing.assert_allclose(got, expected, atol=error)

    @unittest.skipUnless(os.path.isdir(CASES), f"{CASES} is absent")
    def test_agrees_with_caffe_on_layers(self):
        for case in ("net_inception", "pool_max_k3s2p1", "pool_max_k3s2", "pool_ave_k3s2",
                     "pool_max_asym", "conv_7x7_s2_p3", "conv_group2", "conv_dil_hw",
                     "conv_kh3_kw5_sh2_sw1", "lrn_alexnet", "lrn_k2", "lrn_size3_strong",
                     "softmax_4d"):
            folder = os.path.join(CASES, case)
            prototxt, weights = f"{folder}/net.prototxt", f"{folder}/net.caffemodel"
            weights = weights if os.path.exists(weights) else None
            network = load_network(prototxt, weights)
            images = np.load(f"{folder}/in_{network.input}.npy")
            expected = np.load(f"{folder}/out_{network.output}.npy")
            for got in self.answers(prototxt, weights, images):
                with self.subTest(case):
                    np.testing.assert_allclose(got.reshape(expected.shape), expected, rtol=1e-4,
                                               atol=1e-5 * np.abs(expected).max())


if __name__ == "__main__":
    unittest.main()
