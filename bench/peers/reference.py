"""Runs a network in double precision with plain NumPy: the answer that every engine is held to.

Stands on the Caffe files alone, so that no converter can hide its own mistakes.
"""

import functools

import numpy as np

from network import (Concat, Convolution, InnerProduct, Lrn, Pooling, Relu, Softmax)


def run(network, images):
    """The output for images of N C H W, one image at a time to keep memory small."""
    return np.stack([run_one(network, image) for image in images]).astype(np.float32)


def run_one(network, image):
    values = {network.input: image.astype(np.float64)}
    for layer in network.layers:
        inputs = [values[name] for name in layer.inputs]
        values[layer.output] = FUNCTIONS[type(layer)](layer, *inputs)
    return values[network.output].reshape(-1)


def taps(x, layer, kernel, dilation=(1, 1)):
    """For every tap of a kernel, what it sees at each output: views C P Q of an already padded
    C H W."""
    (_, p, q), (sh, sw) = layer.shape, layer.stride
    for r in range(0, kernel[0] * dilation[0], dilation[0]):
        for s in range(0, kernel[1] * dilation[1], dilation[1]):
            yield x[:, r:r + (p - 1) * sh + 1:sh, s:s + (q - 1) * sw + 1:sw]


def padded(x, before, after, value):
    return np.pad(x, ((0, 0), (before[0], after[0]), (before[1], after[1])), constant_values=value)


def convolution(layer, x):
    x = padded(x, layer.pad, layer.pad, 0)
    channels, *kernel = layer.weights.shape[1:]
    parts = []
    for g, weights in enumerate(np.split(layer.weights.astype(np.float64), layer.group)):
        group = x[g * channels:(g + 1) * channels]
        columns = np.stack(list(taps(group, layer, kernel, layer.dilation)))  # R*S C P Q
        matrix = weights.reshape(len(weights), channels, -1).transpose(0, 2, 1)
        parts.append(matrix.reshape(len(weights), -1) @ columns.reshape(weights[0].size, -1))
    result = np.concatenate(parts).reshape(layer.shape)
    return result if layer.bias is None else result + layer.bias[:, None, None]


def pooling(layer, x):
    before, after = layer.pad, layer.pad_end
    if not layer.average:
        views = taps(padded(x, before, after, -np.inf), layer, layer.kernel)
        return functools.reduce(np.maximum, views)
    total = sum(taps(padded(x, before, after, 0), layer, layer.kernel))
    inside = padded(np.ones((1, *x.shape[1:])), before, after, 0)
    return total / sum(taps(inside, layer, layer.kernel))


def lrn(layer, x):
    half = layer.size // 2
    squares = np.pad(x * x, ((half, half), (0, 0), (0, 0)))
    total = sum(squares[i:i + len(x)] for i in range(layer.size))
    return x / (layer.k + layer.alpha / layer.size * total) ** layer.beta


def softmax(_, x):
    e = np.exp(x - x.max(0))
    return e / e.sum(0)


FUNCTIONS = {
    Convolution: convolution,
    Pooling: pooling,
    Relu: lambda _, x: np.maximum(x, 0),
    Lrn: lrn,
    Concat: lambda _, *xs: np.concatenate(xs),
    InnerProduct: lambda layer, x: layer.weights.astype(np.float64) @ x.reshape(-1) + (
        0 if layer.bias is None else layer.bias),
    Softmax: softmax,
}
