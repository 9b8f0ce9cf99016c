"""A Caffe network as typed layers with shapes and weights: what every converter starts from.

Covers the layers of GoogLeNet and SqueezeNet; another type is refused by name.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from caffe_files import FileError, read_prototxt, read_weights


@dataclass
class Layer:
    """`inputs` and `output` name values that are assigned once; shapes are C H W, or C."""
    name: str
    inputs: list
    output: str
    shape: tuple = ()


@dataclass
class Convolution(Layer):
    weights: np.ndarray = None  # K C/group R S
    bias: np.ndarray = None  # K
    stride: tuple = (1, 1)
    pad: tuple = (0, 0)
    dilation: tuple = (1, 1)
    group: int = 1


@dataclass
class Pooling(Layer):
    average: bool = False
    kernel: tuple = (1, 1)
    stride: tuple = (1, 1)
    pad: tuple = (0, 0)
    pad_end: tuple = (0, 0)  # what the last window needs beyond the input's lower right edge
    is_global: bool = False


@dataclass
class Relu(Layer):
    pass


@dataclass
class Lrn(Layer):
    """y = x / (k + alpha / size * sum of x^2 over `size` channels)^beta."""
    size: int = 5
    alpha: float = 1.0
    beta: float = 0.75
    k: float = 1.0


@dataclass
class Concat(Layer):
    """Along the channels."""


@dataclass
class InnerProduct(Layer):
    weights: np.ndarray = None  # outputs x inputs
    bias: np.ndarray = None


@dataclass
class Softmax(Layer):
    """Over the channels."""


@dataclass
class Network:
    name: str
    input: str
    input_shape: tuple  # C H W
    layers: list = field(default_factory=list)
    output: str = ""

    def uses(self):
        """How many layers read each value."""
        counts = {}
        for layer in self.layers:
            for name in layer.inputs:
                counts[name] = counts.get(name, 0) + 1
        return counts


def load_network(prototxt, caffemodel):
    """`caffemodel` may be None where no layer needs weights."""
    net = read_prototxt(prototxt)
    weights = read_weights(caffemodel) if caffemodel else {}
    if "layers" in net:
        raise FileError(f"{prototxt}: an old network definition ('layers'); give one with 'layer'")
    layers = net.all("layer")
    name, dims = input_of(prototxt, net, layers)
    network = Network(net.one("name", ""), name, dims)
    builder = Builder(prototxt, network, weights)
    for layer in layers:
        if layer.one("type") != "Input":
            builder.add(layer)
    network.output = network.layers[-1].output
    return network


def input_of(prototxt, net, layers):
    inputs = [layer for layer in layers if layer.one("type") == "Input"]
    if inputs:
        shape = inputs[0].one("input_param").one("shape")
        name, dims = inputs[0].one("top"), shape.all("dim")
    elif "input" in net:
        shape = net.one("input_shape")
        name, dims = net.one("input"), shape.all("dim") if shape else net.all("input_dim")
    else:
        raise FileError(f"{prototxt}: no input; give a deploy.prototxt")
    if len(dims) != 4:
        raise FileError(f"{prototxt}: the input '{name}' is not N x C x H x W")
    return name, tuple(dims[1:])


class Builder:
    """Adds Caffe's layers one by one; a layer in place gives its blob a new value."""

    def __init__(self, prototxt, network, weights):
        self.prototxt = prototxt
        self.network = network
        self.weights = weights
        self.values = {network.input: network.input}  # the value that a blob's name means now
        self.shapes = {network.input: network.input_shape}
        self.makers = {
            "Convolution": self.convolution, "Pooling": self.pooling, "ReLU": self.relu,
            "LRN": self.lrn, "Concat": self.concat, "InnerProduct": self.inner_product,
            "Softmax": self.softmax,
        }

    def add(self, layer):
        name, kind = layer.one("name"), layer.one("type")
        inputs = [self.value(name, bottom) for bottom in layer.all("bottom")]
        top = layer.one("top")
        if kind == "Dropout":
            self.values[top] = inputs[0]
            return
        if kind not in self.makers:
            raise FileError(f"{self.prototxt}: layer '{name}': the converter knows no {kind}")
        made = self.makers[kind](layer, [self.shapes[value] for value in inputs])
        made.name, made.inputs = name, inputs
        made.output = name if top in self.values else top
        self.values[top] = made.output
        self.shapes[made.output] = made.shape
        self.network.layers.append(made)

    def value(self, layer, blob):
        if blob not in self.values:
            raise FileError(f"{self.prototxt}: layer '{layer}': no layer before it gives '{blob}'")
        return self.values[blob]

    def blobs(self, layer, shape, has_bias):
        blobs = self.weights.get(layer.one("name"), [])
        if len(blobs) != 1 + has_bias or blobs[0].size != math.prod(shape):
            raise FileError(f"{self.prototxt}: layer '{layer.one('name')}': the weight file does "
                            f"not hold the {shape} that it needs")
        return blobs[0].reshape(shape), blobs[1].reshape(-1) if has_bias else None

    def convolution(self, layer, shapes):
        param = layer.one("convolution_param")
        outputs, group = param.one("num_output"), param.one("group", 1)
        kernel = pair(param, "kernel_size", "kernel", None)
        stride, pad = pair(param, "stride", "stride", 1), pair(param, "pad", "pad", 0)
        dilation = pair(param, "dilation", None, 1)
        weights, bias = self.blobs(layer, (outputs, shapes[0][0] // group, *kernel),
                                   param.one("bias_term", True))
        extent = [(size + 2 * p - d * (k - 1) - 1) // s + 1 for size, p, d, k, s in
                  zip(shapes[0][1:], pad, dilation, kernel, stride)]
        return Convolution("", [], "", (outputs, *extent), weights, bias, stride, pad, dilation,
                           group)

    def pooling(self, layer, shapes):
        param = layer.one("pooling_param")
        method, size = param.one("pool", "MAX"), shapes[0][1:]
        is_global = param.one("global_pooling", False)
        kernel = size if is_global else pair(param, "kernel_size", "kernel", None)
        stride, pad = pair(param, "stride", "stride", 1), pair(param, "pad", "pad", 0)
        if method not in ("MAX", "AVE") or (method == "AVE" and any(pad)) or \
                param.one("round_mode", "CEIL") != "CEIL":
            raise FileError(f"{self.prototxt}: layer '{layer.one('name')}': the converter knows "
                            "max pooling and average pooling without padding, rounding up")
        extent = [pooled(*sizes) for sizes in zip(size, kernel, stride, pad)]
        pad_end = tuple(max(0, (n - 1) * s + k - h - p) for n, s, k, h, p in
                        zip(extent, stride, kernel, size, pad))
        return Pooling("", [], "", (shapes[0][0], *extent), method == "AVE", kernel, stride, pad,
                       pad_end, kernel == size and extent == [1, 1] and not any(pad))

    def relu(self, layer, shapes):
        if layer.one("relu_param", {}).get("negative_slope", [0])[-1]:
            raise FileError(f"{self.prototxt}: layer '{layer.one('name')}': a leaky ReLU")
        return Relu("", [], "", shapes[0])

    def lrn(self, layer, shapes):
        param = layer.one("lrn_param")
        if param.one("norm_region", "ACROSS_CHANNELS") != "ACROSS_CHANNELS":
            raise FileError(f"{self.prototxt}: layer '{layer.one('name')}': LRN within a channel")
        return Lrn("", [], "", shapes[0], param.one("local_size", 5), param.one("alpha", 1.0),
                   param.one("beta", 0.75), param.one("k", 1.0))

    def concat(self, layer, shapes):
        if layer.one("concat_param", {}).get("axis", [1])[-1] != 1:
            raise FileError(f"{self.prototxt}: layer '{layer.one('name')}': not along channels")
        return Concat("", [], "", (sum(shape[0] for shape in shapes), *shapes[0][1:]))

    def inner_product(self, layer, shapes):
        param = layer.one("inner_product_param")
        outputs = param.one("num_output")
        weights, bias = self.blobs(layer, (outputs, math.prod(shapes[0])),
                                   param.one("bias_term", True))
        return InnerProduct("", [], "", (outputs,), weights, bias)

    def softmax(self, _, shapes):
        return Softmax("", [], "", shapes[0])


def pooled(size, kernel, stride, pad):
    """Caffe's extent: rounded up, but the last window starts inside the image and its left pad."""
    extent = -(-(size + 2 * pad - kernel) // stride) + 1
    if pad and (extent - 1) * stride >= size + pad:
        extent -= 1
    return extent


def pair(param, name, prefix, default):
    """(vertical, horizontal) of a field given once, twice, or as PREFIX_h and PREFIX_w."""
    values = param.all(name)
    if values:
        return (values[0], values[-1])
    if prefix and f"{prefix}_h" in param:
        return (param.one(f"{prefix}_h"), param.one(f"{prefix}_w"))
    return (default, default)
