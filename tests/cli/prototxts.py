#!/usr/bin/python3
"""Reads every network definition of ../shared/prototxts, without weights: it loads, or it is refused
with a reason that is listed here. What real Caffe or the SSD fork takes has to load. The
multiply-adds of well-known networks are held to the published ones (docs/multiply_adds.md).
"""

import concurrent.futures
import glob
import json
import os

import harness

NO_SHAPE = "the file gives no shape for input"
# Name -> what a user has to say besides the file: the shapes of its inputs.
SHAPES = {
    "cifar10_full_sigmoid_bn": ["data:1x3x32x32"],
    "fcn_nyud-fcn32s-color-d_test": ["color:1x3x64x64", "depth:1x1x64x64"],
    "fcn_pascalcontext-fcn8s_val": ["data:1x3x64x64"],
    "fcn_siftflow-fcn8s_test": ["data:1x3x64x64"],
    "fcn_voc-fcn-alexnet_val": ["data:1x3x500x500"],
    "fcn_voc-fcn16s_val": ["data:1x3x64x64"],
    "fcn_voc-fcn8s_val": ["data:1x3x64x64"],
    "hdf5_nonlinear": ["data:10x4"],
    "lenet_train_test": ["data:64x1x28x28"],
    "mnist_siamese_train_test": ["pair_data:2x2x28x28"],
    "netscope_zynqnet": ["data:1x3x256x256"],
    "sphereface_model": ["data:1x3x112x96"],
    "v1_mnist_autoencoder_v0.9999": ["data:1x1x28x28"],
}
# Name -> a part of the reason for which it is refused.
REFUSED = {
    # Forks with other default boxes under the same name.
    "faceboxes": "do not fit 1000 default boxes of 2 classes",
    "textboxes": "do not fit 64510 default boxes of 2 classes",
    # Files that contradict themselves; Caffe refuses them, too.
    "googlenet_bn": 'Expected integer or identifier, got: "Softmax"',
    "lightcnn_B": "bottom 'label' is no blob of the layers before",
    "mnist_autoencoder": "leaves out in this phase and stage",
    "netscope_1D_lstm": "has 1 input_shape for 2 input",
    "netscope_inceptionv4_resnet": "leaves out in this phase and stage",
    "netscope_vgg-16": "has both 'layer' and 'layers' fields",
    # Types that no Caffe has.
    "netscope_fasterRCNN_VGG": "layer 'bbox_out' (implicit): unknown layer type",
    "netscope_fcn-8s-pascal": "unknown value 'CROP' for 'type'",
}
# Name -> (input shape, published multiply-adds in millions, how far ours may be from them).
MULTIPLY_ADDS = {
    "alexnet_deploy": ("data:1x3x227x227", 727, 0.005),
    "caffenet_deploy": ("data:1x3x227x227", 724, 0.005),
    "squeezenet_v1.0": ("data:1x3x224x224", 837, 0.02),
    "squeezenet_v1.1": ("data:1x3x224x224", 360, 0.035),
    "soeaver_vgg16-pytorch": ("data:1x3x224x224", 16000, 0.6 / 16),
    "soeaver_vgg19-pytorch": ("data:1x3x224x224", 20000, 0.5 / 20),
    "googlenet_deploy": ("data:1x3x224x224", 2000, 0.5 / 2),
    "resnet50": ("data:1x3x224x224", 4000, 0.5 / 4),
    "resnet101": ("data:1x3x224x224", 8000, 0.5 / 8),
    "resnet152": ("data:1x3x224x224", 11000, 0.5 / 11),
}


def inspect(options, path, shapes):
    arguments = [word for shape in shapes for word in ("--shape", shape)]
    return harness.run(options.kissa, "inspect", path, *arguments, "--json", timeout=60)


def loading_problem(done):
    if done.returncode != 0:
        return f"status {done.returncode}: {done.stderr.strip()}"
    totals = json.loads(done.stdout)["totals"]
    return "" if totals["multiply_adds"] + totals["other_operations"] > 0 else "has no arithmetic"


def refusal_problem(done, path, reason):
    problem = harness.error_problem(done, path)
    return problem or ("" if reason in done.stderr else f"another reason: {done.stderr.strip()}")


def check(options, path):
    name = os.path.basename(path)[:-len(".prototxt")]
    if name in REFUSED:
        return refusal_problem(inspect(options, path, []), path, REFUSED[name])
    if name in SHAPES:
        problem = refusal_problem(inspect(options, path, []), path, NO_SHAPE)
        if problem:
            return problem
    return loading_problem(inspect(options, path, SHAPES.get(name, [])))


def check_multiply_adds(options, path, shape, published, tolerance):
    done = inspect(options, path, [shape])
    if done.returncode != 0:
        return done.stderr.strip()
    millions = json.loads(done.stdout)["totals"]["multiply_adds"] * 1e-6
    if abs(millions - published) <= tolerance * published:
        return ""
    return f"{millions:.1f} M multiply-adds, not {published} M within {tolerance:.1%}"


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="only names with TEXT in them")
    options = harness.parse(parser)
    folder = os.path.join(options.shared, "prototxts")
    if not os.path.isdir(folder):
        harness.skip(f"all network definitions, because {folder} is absent")
    with open(os.path.join(folder, "STATUS.tsv"), encoding="utf-8") as lines:
        taken = {line.split("\t")[0] for line in lines if line.split("\t")[1].strip() in ("bvlc", "ssd")}
    report = harness.Report()
    paths = [path for path in sorted(glob.glob(os.path.join(folder, "*.prototxt")))
             if options.only in path]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for path, problem in zip(paths, pool.map(lambda path: check(options, path), paths)):
            report.add(os.path.basename(path), problem)
    report.add("what Caffe takes is not refused", ", ".join(sorted(taken & set(REFUSED))))
    for name, (shape, published, tolerance) in MULTIPLY_ADDS.items():
        if options.only in name:
            path = os.path.join(folder, name + ".prototxt")
            report.add(f"multiply-adds of {name}",
                       check_multiply_adds(options, path, shape, published, tolerance))
    report.finish()


if __name__ == "__main__":
    main()
