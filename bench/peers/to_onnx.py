"""Writes a network as ONNX for one batch size.

With `rewrite_lrn`, LRN becomes x / (sqrt(s) sqrt(sqrt(s))), where a 1x1 convolution of a band matrix
gives s = k + alpha / size * sum of x^2: ONNX Runtime's own LRN takes half of its time in GoogLeNet.
It needs beta = 0.75.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from caffe_files import FileError
from network import Concat, Convolution, InnerProduct, Lrn, Pooling, Relu, Softmax

OPSET, IR_VERSION = 13, 8


def write_onnx(network, path, batch, rewrite_lrn=False):
    writer = Writer(batch, rewrite_lrn)
    for layer in network.layers:
        writer.add(layer)
    graph = helper.make_graph(
        writer.nodes, network.name or "network",
        [helper.make_tensor_value_info(network.input, TensorProto.FLOAT,
                                       (batch, *network.input_shape))],
        [helper.make_tensor_value_info(network.output, TensorProto.FLOAT,
                                       (batch, *network.layers[-1].shape))],
        writer.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                              ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


class Writer:
    def __init__(self, batch, rewrite_lrn):
        self.batch = batch
        self.rewrite_lrn = rewrite_lrn
        self.nodes = []
        self.initializers = []

    def add(self, layer):
        {Convolution: self.convolution, Pooling: self.pooling, Lrn: self.lrn,
         InnerProduct: self.inner_product,
         Relu: lambda one: self.node("Relu", one.inputs, one.output),
         Concat: lambda one: self.node("Concat", one.inputs, one.output, axis=1),
         Softmax: lambda one: self.node("Softmax", one.inputs, one.output, axis=1),
         }[type(layer)](layer)

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def weights_of(self, layer):
        names = [self.constant(f"{layer.name}.weights", layer.weights)]
        if layer.bias is not None:
            names.append(self.constant(f"{layer.name}.bias", layer.bias))
        return names

    def convolution(self, layer):
        self.node("Conv", layer.inputs + self.weights_of(layer), layer.output,
                  kernel_shape=layer.weights.shape[2:], strides=layer.stride,
                  pads=layer.pad * 2, dilations=layer.dilation, group=layer.group)

    def pooling(self, layer):
        if layer.is_global and layer.average:
            self.node("GlobalAveragePool", layer.inputs, layer.output)
            return
        # The last window of Caffe's rounding up, as padding: no engine reads that differently.
        self.node("AveragePool" if layer.average else "MaxPool", layer.inputs, layer.output,
                  kernel_shape=layer.kernel, strides=layer.stride, pads=layer.pad + layer.pad_end)

    def inner_product(self, layer):
        flat = self.node("Flatten", layer.inputs, f"{layer.name}.flat", axis=1)
        self.node("Gemm", [flat] + self.weights_of(layer), layer.output, transB=1)

    def lrn(self, layer):
        if not self.rewrite_lrn:
            self.node("LRN", layer.inputs, layer.output, size=layer.size, alpha=layer.alpha,
                      beta=layer.beta, bias=layer.k)
            return
        if layer.beta != 0.75:
            raise FileError(f"layer '{layer.name}': LRN is rewritten for beta 0.75 only")
        x, name = layer.inputs[0], layer.name
        channels = layer.shape[0]
        distance = np.abs(np.subtract.outer(np.arange(channels), np.arange(channels)))
        band = np.where(distance <= layer.size // 2, layer.alpha / layer.size, 0)
        band = self.constant(f"{name}.band", band.astype(np.float32)[:, :, None, None])
        k = self.constant(f"{name}.k", np.full(channels, layer.k, np.float32))
        squares = self.node("Mul", [x, x], f"{name}.squares")
        s = self.node("Conv", [squares, band, k], f"{name}.s")
        root = self.node("Sqrt", [s], f"{name}.root")
        fourth = self.node("Sqrt", [root], f"{name}.fourth_root")
        power = self.node("Mul", [root, fourth], f"{name}.power")
        self.node("Div", [x, power], layer.output)
