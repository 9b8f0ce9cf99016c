#!/usr/bin/python3
"""Tests what needs neither the peers nor the network: files, reference, workers, results."""

import json
import os
import struct
import sys
import tempfile
import time
import unittest
import zlib

import numpy as np

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

sys.dont_write_bytecode = True

import reference
from caffe_files import FileError, read_blob, read_prototxt, read_weights
from engines import ENGINES
from network import load_network, pooled
from options import PEERS
from processes import ExtraProgram, Worker, WorkerError
from results import Row, degradation, fastest_peers, speed, table, to_document, write_json
from to_ncnn import write_ncnn

ROOT = os.path.dirname(os.path.dirname(HERE))
DIGITS = os.path.join(ROOT, "examples", "digits")
CASES = os.path.join(ROOT, "..", "shared", "conformance", "layers")


def read_gray_png(path):
    """H W of a PNG as examples/digits writes it: 8-bit grey, one chunk of data, no filter."""
    with open(path, "rb") as file:
        data = file.read()
    width, height = struct.unpack(">II", data[16:24])
    at = data.index(b"IDAT")
    size = struct.unpack(">I", data[at - 4:at])[0]
    rows = np.frombuffer(zlib.decompress(data[at + 4:at + 4 + size]), np.uint8)
    return rows.reshape(height, width + 1)[:, 1:]


def resized(image, size):
    """H W, interpolated linearly between the centres of the pixels."""
    for length in size:
        at = (np.arange(length) + 0.5) * len(image) / length - 0.5
        places = np.arange(len(image))
        image = np.stack([np.interp(at, places, column) for column in image.T])
    return image


def digits_network():
    return load_network(f"{DIGITS}/deploy.prototxt", f"{DIGITS}/digits.caffemodel")


class Files(unittest.TestCase):
    def write(self, text):
        file = tempfile.NamedTemporaryFile("w", suffix=".prototxt")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        return file.name

    def test_prototxt_keeps_repeated_fields_and_comments_out(self):
        net = read_prototxt(self.write('a: 1 # a: 9\na: -2.5 m { s: "x { y" b: true } m: { e: MAX }'))
        self.assertEqual(net.all("a"), [1, -2.5])
        self.assertEqual(net.all("m")[0], {"s": ["x { y"], "b": [True]})
        self.assertEqual(net.one("m").one("e"), "MAX")

    def test_broken_prototxt_names_the_line(self):
        for text in ("a: 1\n}", "m {\na: 1", "a: 1\nb:", "a: 1\n: 2"):
            with self.assertRaisesRegex(FileError, r":[12]: "):
                read_prototxt(self.write(text))

    def test_cut_caffemodel_is_refused(self):
        with open(f"{DIGITS}/digits.caffemodel", "rb") as file:
            data = file.read()
        with tempfile.NamedTemporaryFile() as cut:
            cut.write(data[:len(data) // 2])
            cut.flush()
            with self.assertRaises(FileError):
                read_weights(cut.name)

    def test_unknown_layer_is_refused_by_name(self):
        path = self.write('input: "x" input_shape { dim: 1 dim: 1 dim: 4 dim: 4 }'
                          'layer { name: "l" type: "Wavelet" bottom: "x" top: "y" }')
        with self.assertRaisesRegex(FileError, "'l'.*Wavelet"):
            load_network(path, None)


class Reference(unittest.TestCase):
    def test_reads_the_example_digits(self):
        network = digits_network()
        size = network.input_shape[1:]
        digits = np.stack([resized(read_gray_png(f"{DIGITS}/{digit}.png"), size)[None]
                           for digit in range(10)])
        mean = read_blob(f"{DIGITS}/mean.binaryproto").mean()
        answer = reference.run(network, digits - mean)
        self.assertEqual(list(answer.argmax(1)), list(range(10)))
        np.testing.assert_allclose(answer.sum(1), 1, atol=1e-6)

    def test_pools_as_caffe_does(self):
        self.assertEqual(pooled(112, 3, 2, 0), 56)
        self.assertEqual(pooled(7, 7, 1, 0), 1)
        self.assertEqual(pooled(28, 3, 1, 1), 28)
        # The window that would start in the padding is left out.
        self.assertEqual(pooled(2, 2, 2, 1), 2)

    @unittest.skipUnless(os.path.isdir(CASES), f"{CASES} is absent")
    def test_agrees_with_caffe(self):
        for case in ("net_inception", "pool_max_k3s2p1", "pool_max_k3s2", "pool_ave_k3s2",
                     "pool_max_asym", "conv_7x7_s2_p3", "conv_group2", "conv_dil_hw",
                     "conv_kh3_kw5_sh2_sw1", "lrn_alexnet", "lrn_k2", "lrn_size3_strong",
                     "ip_basic", "softmax_4d"):
            folder = os.path.join(CASES, case)
            with self.subTest(case):
                weights = f"{folder}/net.caffemodel"
                network = load_network(f"{folder}/net.prototxt",
                                       weights if os.path.exists(weights) else None)
                images = np.load(f"{folder}/in_{network.input}.npy")
                expected = np.load(f"{folder}/out_{network.output}.npy")
                got = reference.run(network, images).reshape(expected.shape)
                np.testing.assert_allclose(got, expected, rtol=1e-4,
                                           atol=1e-5 * np.abs(expected).max())


class Ncnn(unittest.TestCase):
    def test_every_value_has_one_writer_and_one_reader(self):
        with tempfile.TemporaryDirectory() as folder:
            network = digits_network()
            write_ncnn(network, f"{folder}/net.param", f"{folder}/net.bin")
            with open(f"{folder}/net.param", encoding="utf-8") as file:
                magic, counts, *rows = file.read().splitlines()
            size = os.path.getsize(f"{folder}/net.bin")
        written, read = [], []
        for row in rows:
            _, _, inputs, outputs, *names = row.split()
            read += names[:int(inputs)]
            written += names[int(inputs):int(inputs) + int(outputs)]
        self.assertEqual(magic, "7767517")
        self.assertEqual(counts, f"{len(rows)} {len(written)}")
        self.assertEqual(sorted(read + [network.output]), sorted(written))
        layers = [layer for layer in network.layers if hasattr(layer, "weights")]
        values = sum(layer.weights.size + layer.bias.size + 1 for layer in layers)
        self.assertEqual(size, 4 * values)


WORKER = """
import sys, threading
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
print('{"version": "7"}', flush=True)
for line in sys.stdin:
    if 'die' in line: sys.exit('out of luck')
    print('{"us": [1.5]}' if 'run' in line else '{"error": "what?"}', flush=True)
"""


class Peers(unittest.TestCase):
    def test_every_peer_has_a_class(self):
        self.assertEqual(list(PEERS), list(ENGINES))


class Processes(unittest.TestCase):
    def setUp(self):
        self.log = tempfile.NamedTemporaryFile(suffix=".log")
        self.addCleanup(self.log.close)
        self.cpus = sorted(os.sched_getaffinity(0))[:1]

    def worker(self):
        worker = Worker([sys.executable, "-c", WORKER], self.cpus, self.log.name)
        self.addCleanup(worker.close)
        self.assertEqual(worker.hello(30), {"version": "7"})
        return worker

    def test_worker_is_pinned_and_answers(self):
        worker = self.worker()
        self.assertEqual(worker.ask("run 0.1", 30), {"us": [1.5]})
        self.assertEqual(sorted(os.sched_getaffinity(worker.process.pid)), self.cpus)
        with self.assertRaisesRegex(WorkerError, "what?"):
            worker.ask("sing", 30)

    def test_worker_stands_still_between_turns(self):
        worker = self.worker()
        worker.ask("run 0.1", 30)

        def cpu_time():
            with open(f"/proc/{worker.process.pid}/stat", encoding="utf-8") as file:
                return file.read().rsplit(")", 1)[1].split()[11:13]
        time.sleep(0.05)
        before = cpu_time()
        time.sleep(0.2)
        self.assertEqual(cpu_time(), before)

    def test_worker_that_dies_leaves_its_last_words(self):
        worker = self.worker()
        with self.assertRaisesRegex(WorkerError, "out of luck"):
            worker.ask("die", 30)

    def test_extra_program_is_asked_for_as_many_runs_as_fill_a_slice(self):
        extra = ExtraProgram("echo batch {batch}, {runs} runs: min 4.5 median 5 ms", {"batch": 2},
                             self.cpus, self.log.name)
        self.assertEqual(extra.run(0.1, 30), (4500, 5000, 3))
        self.assertEqual(extra.run(0.1, 30)[2], 20)

    def test_extra_program_without_figures_is_refused(self):
        extra = ExtraProgram("echo hello", {}, self.cpus, self.log.name)
        with self.assertRaisesRegex(WorkerError, "median Y ms"):
            extra.run(0.1, 30)


def make_row(engine, slices, **facts):
    facts = {"max_abs_diff": 1e-6, "top1_agree": 51, "images": 51, **facts}
    return Row(engine, "1", facts.pop("mode", None), facts.pop("precision", "fp32"), 16, 2,
               slices=slices, **facts)


class Results(unittest.TestCase):
    def test_median_is_of_all_runs(self):
        row = make_row("a", [[1, 2, 30], [3, 4]])
        self.assertEqual((row.median_us(), row.min_us(), row.runs()), (3, 1, 5))
        self.assertEqual(row.slice_medians(), [2, 3.5])
        self.assertAlmostEqual(row.images_per_s(), 16 / 3e-6)

    def test_summaries_count_their_runs(self):
        row = make_row("a", [(1, 2, 10), (3, 6, 12)])
        self.assertEqual((row.median_us(), row.min_us(), row.runs()), (4, 1, 22))

    def test_only_right_peers_set_the_mark(self):
        rows = [make_row("kissa", [[10]], mode="fused"), make_row("a", [[20]]),
                make_row("wrong", [[5]], max_abs_diff=0.1), make_row("b", [[25]]),
                make_row("unchecked", [[4]], max_abs_diff=None),
                make_row("b", [[12]], precision="bf16", max_abs_diff=0.02, top1_agree=49),
                make_row("blind", [[6]], precision="bf16", max_abs_diff=0.9, top1_agree=3)]
        best = fastest_peers(rows)
        self.assertEqual(sorted(best.values()), [12, 20])
        self.assertEqual(speed(rows[0], best), 2)
        self.assertIn("WRONG", table(rows, rows))

    def test_foreign_load_is_held_against_the_same_engine(self):
        rows = [make_row("a", [[10]]), make_row("b", [[7]]),
                make_row("a", [[25]], foreign_load=True)]
        self.assertEqual(degradation(rows[2], rows), 2.5)

    def test_json_has_the_fields_of_the_format(self):
        rows = [make_row("kissa", [[10.0]], mode="caffe"), make_row("ncnn", [[20.0]])]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out.json")
            write_json(to_document(rows, {"network": "n", "commit": "c", "machine": {}}), path)
            with open(path, encoding="utf-8") as file:
                document = json.load(file)
            self.assertEqual(os.listdir(folder), ["out.json"])
        self.assertEqual((document["schema"], document["what"]), (1, "peers-cpu"))
        self.assertLessEqual({"engine", "version", "mode", "precision", "batch", "threads",
                              "median_us", "min_us", "runs", "images_per_s", "max_abs_diff",
                              "top1_agree"}, set(document["rows"][0]))
        self.assertEqual(document["rows"][0]["speed_vs_fastest_peer"], 2)


if __name__ == "__main__":
    unittest.main()
