"""Writes a network as ncnn's .param and .bin, with ReLU in the layer before it, as ncnnoptimize
leaves it.

Param ids are ncnn's (docs/developer-guide/operators.md there). Weights are raw FP32: those of a
convolution or inner product follow a zero word, biases do not.
"""

import numpy as np

from network import Concat, Convolution, InnerProduct, Lrn, Pooling, Relu, Softmax

MAGIC = 7767517


def write_ncnn(network, param_path, bin_path):
    writer = Writer(network)
    for layer in network.layers:
        writer.add(layer)
    with open(param_path, "w", encoding="utf-8") as file:
        file.write(f"{MAGIC}\n{len(writer.rows)} {writer.values}\n" + "\n".join(writer.rows) + "\n")
    with open(bin_path, "wb") as file:
        for array in writer.arrays:
            file.write(array)


def convolution(layer):
    (r, s), (dh, dw) = layer.weights.shape[2:], layer.dilation
    (sh, sw), (ph, pw) = layer.stride, layer.pad
    has_bias = int(layer.bias is not None)
    params = (f"0={len(layer.weights)} 1={s} 11={r} 2={dw} 12={dh} 3={sw} 13={sh} 4={pw} 14={ph} "
              f"5={has_bias} 6={layer.weights.size}")
    if layer.group == 1:
        return "Convolution", params
    return "ConvolutionDepthWise", f"{params} 7={layer.group}"


def pooling(layer):
    kind = int(layer.average)
    if layer.is_global:
        return "Pooling", f"0={kind} 4=1"
    (r, s), (sh, sw), (ph, pw) = layer.kernel, layer.stride, layer.pad
    eh, ew = layer.pad_end
    # Padding mode 1: nothing beyond the pads that are given.
    return "Pooling", (f"0={kind} 1={s} 11={r} 2={sw} 12={sh} 3={pw} 13={ph} 14={ew} 15={eh} 5=1")


def inner_product(layer):
    has_bias = int(layer.bias is not None)
    return "InnerProduct", f"0={len(layer.weights)} 1={has_bias} 2={layer.weights.size}"


DESCRIBE = {
    Convolution: convolution,
    Pooling: pooling,
    Relu: lambda _: ("ReLU", ""),
    Lrn: lambda layer: ("LRN", f"0=0 1={layer.size} 2={layer.alpha} 3={layer.beta} 4={layer.k}"),
    Concat: lambda _: ("Concat", "0=0"),
    InnerProduct: inner_product,
    Softmax: lambda _: ("Softmax", "0=0 1=1"),
}


class Writer:
    def __init__(self, network):
        self.rows = []
        self.arrays = []
        self.values = 0
        self.uses = network.uses()
        self.names = {}  # the names under which the readers of a value find it, one each
        self.relu_of = {layer.inputs[0]: layer.output for layer in network.layers
                        if isinstance(layer, Relu) and self.uses[layer.inputs[0]] == 1}
        self.done = set()  # ReLUs that a layer before them does
        channels, height, width = network.input_shape
        self.row("Input", network.input, [], network.input, f"0={width} 1={height} 2={channels}")

    def add(self, layer):
        if layer.output in self.done:
            return
        inputs = [self.names[name].pop() for name in layer.inputs]
        output = layer.output
        if isinstance(layer, (Convolution, InnerProduct)) and output in self.relu_of:
            output = self.relu_of[output]
            self.done.add(output)
        fused = "9=1" if output != layer.output else "9=0"
        kind, params = DESCRIBE[type(layer)](layer)
        if isinstance(layer, (Convolution, InnerProduct)):
            params += f" {fused}"
            self.arrays += [np.zeros(1, "<u4"), np.ascontiguousarray(layer.weights, "<f4")]
            if layer.bias is not None:
                self.arrays.append(np.ascontiguousarray(layer.bias, "<f4"))
        self.row(kind, layer.name, inputs, output, params)

    def row(self, kind, name, inputs, output, params):
        """One layer, and a Split after it where several read its output."""
        self.put(kind, name, inputs, [output], params)
        readers = self.uses.get(output, 0)
        self.names[output] = [output]
        if readers > 1:
            self.names[output] = [f"{output}_split_{i}" for i in range(readers)]
            self.put("Split", f"split_{output}", [output], self.names[output], "")

    def put(self, kind, name, inputs, outputs, params):
        self.values += len(outputs)
        words = [kind, name, str(len(inputs)), str(len(outputs)), *inputs, *outputs, params]
        self.rows.append(" ".join(words).rstrip())
