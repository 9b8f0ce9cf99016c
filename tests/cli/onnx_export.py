#!/usr/bin/python3
"""Exports every conformance case and network as ONNX, has onnx.checker look at the file, and
compares what ONNX Runtime makes of it with 'kissa run'. What ONNX cannot say is listed here, with
the reason that 'kissa export' must give.

Needs onnx and onnxruntime, which it installs from PyPI into build/onnx-venv, once.
"""

import concurrent.futures
import glob
import os
import subprocess
import sys
import tempfile

import harness

VENV = "onnx-venv"
sys.path.insert(0, os.path.join(harness.REPOSITORY, "scripts"))
import venvs

OPSETS = (13, 18, 21)
OPSETS_OF_NETWORKS = (13,)

# Case -> what the message says, and the outputs up to which it can be exported all the same.
BOXES = "it has no suppression of boxes in the layer's order"
NO_OPERATOR = "it has no operator like it"
REFUSED = {
    "layers/filter": ("the output's extent depends on the numbers", "data,sel"),
    "layers/accuracy_perclass": (NO_OPERATOR, "data,label"),
    "layers/accuracy_top3": (NO_OPERATOR, "data,label"),
    "layers/contrastive": (NO_OPERATOR, "a,b,sim"),
    "layers/euclideanloss": (NO_OPERATOR, "a,b"),
    "layers/hingeloss": (NO_OPERATOR, "data,label"),
    "layers/infogain": (NO_OPERATOR, "data,label,H"),
    "layers/mllloss": (NO_OPERATOR, "p,label"),
    "layers/sce_loss": (NO_OPERATOR, "a,t"),
    "layers/softmaxloss": (NO_OPERATOR, "data,label"),
    **{f"ssd/detout_{name}": (BOXES, "loc,conf,prior")
       for name in ("batch2", "center", "corner_size", "eta", "none_found", "not_shared")},
    "ssd/net_mini_ssd": (BOXES, "ml,mcf,mp"),
    **{name: (BOXES, "mbox_loc,mbox_conf_flatten,mbox_priorbox")
       for name in ("models/res10_ssd_face", "networks/mobilenet_ssd_deploy")},
}

INPUT = 'layer { name: "in" type: "Input" top: "x" input_param { shape { %s } } }'

# What the conformance cases leave out: name -> (shape of the input x, layers). Weights are random.
EXTRA = {
    "stochastic pooling": ("2 3 7 6", """layer { name: "l" type: "Pooling" bottom: "x" top: "y"
        pooling_param { pool: STOCHASTIC kernel_size: 3 stride: 2 } }"""),
    "mask of an empty window": ("1 2 5 5", """layer { name: "l" type: "Pooling" bottom: "x"
        top: "y" top: "mask" pooling_param { kernel_size: 1 stride: 3 } }"""),
    "LRN with a negative alpha": ("2 6 3 2", """layer { name: "l" type: "LRN" bottom: "x" top: "y"
        lrn_param { local_size: 3 alpha: -0.1 k: 2 } }"""),
    "two outputs and an LRN": ("2 8 3 2", """layer { name: "b" type: "LRN" bottom: "x" top: "b"
        lrn_param { alpha: 0.5 } } layer { name: "c" type: "AbsVal" bottom: "x" top: "c" }"""),
    "place of the largest along an axis": ("2 3 8", """layer { name: "t" type: "Threshold"
        bottom: "x" top: "t" } layer { name: "l" type: "ArgMax" bottom: "t" top: "y"
        argmax_param { axis: 2 top_k: 3 } }"""),
    "statistics of the batch over one axis": ("7", """layer { name: "l" type: "BatchNorm" bottom: "x"
        top: "y" batch_norm_param { use_global_stats: false } }"""),
    "MVN of planes of one element": ("4 3", """layer { name: "l" type: "MVN" bottom: "x" top: "y"
        mvn_param { eps: 0.1 } }"""),
    "an input changed in place": ("2 3", """layer { name: "l" type: "TanH" bottom: "x" top: "x" }
        layer { name: "m" type: "Exp" bottom: "x" top: "x" exp_param { base: 2 scale: 3 } }"""),
    "names that are numbers and signs": ("2 3", """layer { name: "1 %" type: "TanH" bottom: "x"
        top: "\\303\\244\\377" } layer { name: "1 %" type: "AbsVal" bottom: "x" top: "x_1" }"""),
    "an output that nothing makes": ("2 3", """layer { name: "p" type: "Parameter" top: "y"
        parameter_param { shape { dim: 4 } } } layer { name: "l" type: "Split" bottom: "x"
        top: "a" top: "b" }"""),
    "channels shuffled, reorganised, reversed, cut": ("2 8 4 6", """
        layer { name: "a" type: "ShuffleChannel" bottom: "x" top: "a"
                shuffle_channel_param { group: 4 } }
        layer { name: "b" type: "Reorg" bottom: "a" top: "b" reorg_param { stride: 2 } }
        layer { name: "c" type: "Reorg" bottom: "b" top: "c"
                reorg_param { stride: 2 reverse: true } }"""),
    "resized": ("2 3 5 4", """
        layer { name: "a" type: "Interp" bottom: "x" top: "a"
                interp_param { height: 9 width: 7 } }
        layer { name: "b" type: "Upsample" bottom: "x" top: "b" upsample_param { scale: 3 } }"""),
    "unpooled": ("2 3 6 4", """
        layer { name: "p" type: "Pooling" bottom: "x" top: "p" top: "m"
                pooling_param { kernel_size: 2 stride: 2 } }
        layer { name: "u" type: "Upsample" bottom: "p" bottom: "m" top: "u"
                upsample_param { scale: 2 } }"""),
    "regions of interest": ("1 2 7 8", """
        layer { name: "r" type: "DummyData" top: "r" dummy_data_param { shape { dim: 1 dim: 5 } } }
        layer { name: "l" type: "ROIPooling" bottom: "x" bottom: "r" top: "y"
                roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.5 } }"""),
    "SELU, ReLU6 and an Axpy": ("2 3 4 5", """
        layer { name: "s" type: "SeLu" bottom: "x" top: "s" }
        layer { name: "r" type: "ReLU6" bottom: "x" top: "r" }
        layer { name: "p" type: "Pooling" bottom: "x" top: "p"
                pooling_param { pool: AVE global_pooling: true } }
        layer { name: "a" type: "Axpy" bottom: "p" bottom: "s" bottom: "r" top: "a" }"""),
    "a product over all axes": ("2 3 4", """layer { name: "l" type: "InnerProduct" bottom: "x"
        top: "y" inner_product_param { num_output: 5 axis: 0 } }"""),
    "a convolution over one axis of many": ("2 3 4 5 6", """layer { name: "l" type: "Convolution"
        bottom: "x" top: "y" convolution_param { num_output: 2 kernel_size: 3 pad: 1 axis: 3 } }"""),
    "im2col in groups of taps": ("2 3 5 4", """layer { name: "l" type: "Im2col" bottom: "x" top: "y"
        convolution_param { kernel_h: 3 kernel_w: 2 stride: 2 pad: 1 } }"""),
    "hidden states of an RNN": ("5 2 3", """layer { name: "c" type: "DummyData" top: "cont" top: "h"
        dummy_data_param { shape { dim: 5 dim: 2 } shape { dim: 1 dim: 2 dim: 4 }
        data_filler { value: 1 } data_filler { value: 0.3 } } }
        layer { name: "l" type: "RNN" bottom: "x" bottom: "cont" bottom: "h" top: "y" top: "last"
        recurrent_param { num_output: 4 expose_hidden: true } }"""),
}


def enter_venv():
    """Goes on in the virtual environment, or says why it cannot."""
    if os.path.realpath(sys.prefix) == os.path.realpath(os.path.join(venvs.BUILD, VENV)):
        return
    try:
        python = venvs.make(VENV)
    except venvs.NoVenv as error:
        harness.skip(f"ONNX export, because {error}")
    missing = venvs.install(VENV, os.path.join(harness.REPOSITORY, "scripts/requirements-onnx.txt"))
    if missing:
        harness.skip(f"ONNX export, because {', '.join(missing)} cannot be installed")
    os.execv(python, [python, "-B", *sys.argv])


class Case:
    """A case's files, inputs and rules, as the program takes them."""

    def __init__(self, options, name, scratch):
        self.kissa = options.kissa
        self.scratch = scratch
        self.folder = os.path.join(options.shared, "conformance", name)
        self.inputs = {}
        self.rules = []
        self.files = [os.path.join(self.folder, "net.prototxt")]
        if name.startswith("networks/"):
            self.make_network(options)
        else:
            self.read_case()

    def make_network(self, options):
        weights = os.path.join(self.scratch, "net.caffemodel")
        tool = os.path.join(options.shared, "conformance/tools/mkweights.py")
        subprocess.run([sys.executable, tool, os.path.join(self.folder, "shapes.json"), weights],
                       check=True)
        self.files.append(weights)
        for path in glob.glob(os.path.join(self.folder, "in_*.npy")):
            self.inputs[os.path.basename(path)[3:-4]] = path

    def read_case(self):
        weights = os.path.join(self.folder, "net.caffemodel")
        if os.path.exists(weights):
            self.files.append(weights)
        with open(os.path.join(self.folder, "inputs.txt"), encoding="utf-8") as lines:
            for key, value in (line.split() for line in lines if line.strip()):
                if key in ("!stage", "!level"):
                    self.rules += [f"--{key[1:]}", value]
                elif not key.startswith("!"):
                    self.inputs[key] = os.path.join(self.folder, value)

    def run(self, *extra):
        """What Kissa computes: the arrays in the order of the outputs, fetched ones last."""
        given = [f"--input={blob}={path}" for blob, path in self.inputs.items()]
        out = os.path.join(self.scratch, "out")
        done = harness.run(self.kissa, "run", *self.files, *self.rules, *given, "--output-dir", out,
                           "--mode", "caffe", *extra, check=True)
        return [np.load(line.rsplit("  ", 1)[0]) for line in done.stdout.splitlines()]

    def export(self, path, *extra):
        shapes = [f"--shape={blob}:{'x'.join(map(str, np.load(file).shape))}"
                  for blob, file in self.inputs.items()]
        return harness.run(self.kissa, "export", *self.files, *self.rules, *shapes, "--onnx", path,
                           *extra)

    def infer(self, path):
        onnx.checker.check_model(path, full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return session.run(None, {blob: np.load(file).astype(np.float32)
                                  for blob, file in self.inputs.items()})


def compare(case, opset, expected, *extra):
    path = os.path.join(case.scratch, f"net-{opset}.onnx")
    done = case.export(path, "--opset", str(opset), *extra)
    if done.returncode:
        return f"status {done.returncode}: {done.stderr.strip()}"
    got = case.infer(path)
    if len(got) != len(expected):
        return f"has {len(got)} outputs, not {len(expected)}"
    problems = [difference(one, other, Tolerance(1e-4, 1e-5)) for one, other in zip(got, expected)]
    return "; ".join(filter(None, problems))


class ExtraCase(Case):
    """A case of EXTRA, its files written into the scratch folder."""

    def __init__(self, options, name, scratch):
        self.kissa = options.kissa
        self.scratch = scratch
        self.rules = ["--random-weights", "1"]
        shape, layers = EXTRA[name]
        self.files = [os.path.join(scratch, "net.prototxt")]
        with open(self.files[0], "w", encoding="utf-8") as file:
            file.write(INPUT % " ".join(f"dim: {dim}" for dim in shape.split()) + layers)
        self.inputs = {"x": os.path.join(scratch, "x.npy")}
        values = np.random.default_rng(7).standard_normal([int(dim) for dim in shape.split()])
        np.save(self.inputs["x"], values.astype(np.float32))


def check_refusal(case, reason, outputs):
    path = os.path.join(case.scratch, "net.onnx")
    done = case.export(path)
    problem = harness.error_problem(done, "net.prototxt:", "layer '", reason, "--outputs " + outputs)
    if problem or os.path.exists(path):
        return problem or "left a file behind"
    fetched = case.run("--fetch", outputs)[-len(outputs.split(",")):]
    return compare(case, OPSETS[0], fetched, "--outputs", outputs)


def check_case(options, name, report):
    with tempfile.TemporaryDirectory() as scratch:
        case = (ExtraCase if name in EXTRA else Case)(options, name, scratch)
        if name in REFUSED:
            report.add(name, check_refusal(case, *REFUSED[name]))
            return
        try:
            expected = case.run()
        except RuntimeError as error:
            report.add(name, str(error))
            return
        is_network = name.startswith(("networks/", "models/"))
        for opset in OPSETS_OF_NETWORKS if is_network else OPSETS:
            try:
                problem = compare(case, opset, expected)
            except Exception as error:  # whatever a foreign library throws means the same here
                problem = str(error).strip()
            report.add(f"{name} in opset {opset}", problem)


def check_parts(options, report):
    """--outputs leaves out what it does not need, --expand-lrn takes no LRN."""
    with tempfile.TemporaryDirectory() as scratch:
        case = ExtraCase(options, "two outputs and an LRN", scratch)
        path = os.path.join(scratch, "net.onnx")
        for arguments, outputs, operators in [
                (["--outputs", "b"], ["b"], {"LRN"}),
                (["--outputs", "b,c", "--expand-lrn"], ["b", "c"],
                 {"Abs", "Mul", "Conv", "Sqrt", "Div"})]:
            done = case.export(path, *arguments)
            model = onnx.load(path) if done.returncode == 0 else onnx.ModelProto()
            got = ([value.name for value in model.graph.output],
                   {node.op_type for node in model.graph.node})
            report.add(" ".join(arguments),
                       "" if got == (outputs, operators) else f"{got} {done.stderr}")
        report.add("the numbers of --expand-lrn",
                   difference(case.infer(path)[0], case.run()[0], Tolerance(1e-4, 1e-5)))


def check_errors(options, report):
    """What the command refuses: one line, and no file."""
    with tempfile.TemporaryDirectory() as scratch:
        case = ExtraCase(options, "a product over all axes", scratch)
        path = os.path.join(scratch, "net.onnx")
        for name, arguments, expected in [
                ("no weights", [], ["layer 'l'", "l.weight has no numbers", "weight file"]),
                ("opset", ["--random-weights", "1", "--opset", "12"], ["opset 12", "13 to 21"]),
                ("batch", ["--random-weights", "1", "--batch", "0"], ["batch 0"])]:
            done = harness.run(options.kissa, "export", *case.files, "--onnx", path, *arguments)
            problem = harness.error_problem(done, *expected)
            report.add(name, problem or ("left a file" if os.path.exists(path) else ""))
        report.add("unknown output", harness.error_problem(
            harness.run(options.kissa, "export", *case.files, "--onnx", path, "--outputs", "yy"),
            "no blob 'yy'"))
        done = harness.run(options.kissa, "export", *case.files, "--random-weights", "1", "--onnx",
                           os.path.join(scratch, "none", "net.onnx"))
        report.add("no folder", harness.error_problem(done, "none/net.onnx: cannot be written"))


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases with TEXT in the name")
    parser.add_argument("--jobs", type=int, default=2, help="how many cases to run at once (2)")
    options = harness.parse(parser)
    folder = os.path.join(options.shared, "conformance")
    if not os.path.isdir(folder):
        print(f"Skipped: ONNX export of the conformance cases, because {folder} is absent")
    names = [*EXTRA, *(os.path.relpath(path, folder) for group in ("layers", "models", "ssd", "networks")
               for path in sorted(glob.glob(os.path.join(folder, group, "*"))))]
    report = harness.Report()
    check_errors(options, report)
    check_parts(options, report)
    with concurrent.futures.ThreadPoolExecutor(max_workers=options.jobs) as pool:
        list(pool.map(lambda name: check_case(options, name, report),
                      [name for name in names if options.only in name]))
    report.finish()


if __name__ == "__main__":
    enter_venv()
    import numpy as np
    import onnx
    import onnxruntime
    from conformance import Tolerance, difference
    main()
