"""Turns the network's Caffe files into the files that each engine reads."""

import os
import subprocess
import sys

from caffe_files import FileError
from options import EXPANDED_ONNX_READERS, ONNX_READERS
from to_ncnn import write_ncnn


def convert(network, kissa, prototxt, caffemodel, folder, batches, engines):
    """What the specs of an engine's workers hold besides engine, precision, batch and threads:
    {(engine, batch): {...}}."""
    def at(name):
        return os.path.join(folder, name)

    common = {"input": network.input, "output": network.output,
              "input_shape": network.input_shape, "prototxt": prototxt, "caffemodel": caffemodel}
    files = {}
    if "ncnn" in engines:
        files["ncnn"] = {"param": at("net.param"), "bin": at("net.bin")}
        write_ncnn(network, at("net.param"), at("net.bin"))
    if "mnn" in engines:
        files["mnn"] = {"mnn": at("net.mnn")}
        convert_for_mnn(prototxt, caffemodel, at("net.mnn"))
    specs = {}
    for batch in batches:
        for extra, readers in (([], ONNX_READERS), (["--expand-lrn"], EXPANDED_ONNX_READERS)):
            if set(readers) & set(engines):
                path = at(f"net-{'lrn-' if extra else ''}{batch}.onnx")
                export_onnx(kissa, prototxt, caffemodel, path, "--batch", str(batch), *extra)
                files.update({reader: {"onnx": path} for reader in readers})
        for engine in engines:
            specs[engine, batch] = {**common, **files.get(engine, {})}
    return specs


def export_onnx(kissa, prototxt, caffemodel, path, *extra):
    done = subprocess.run([kissa, "export", prototxt, caffemodel, "--onnx", path, *extra],
                          check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise FileError(done.stderr.strip())


def convert_for_mnn(prototxt, caffemodel, path):
    """By MNN's own converter, which reads Caffe's files. Its binary module is called and not its
    script mnnconvert: that one installs further packages to report what it does."""
    words = ["mnnconvert", "-f", "CAFFE", "--prototxt", prototxt, "--modelFile", caffemodel,
             "--MNNModel", path, "--bizCode", "kissa"]
    subprocess.run([sys.executable, "-c", f"import _tools; _tools.mnnconvert({words!r})"],
                   check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
