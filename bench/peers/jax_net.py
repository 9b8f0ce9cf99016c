"""A network as a function that XLA compiles: in NCHW or NHWC, of weights and images given to it."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from network import Concat, Convolution, InnerProduct, Lrn, Pooling, Relu, Softmax

KERNELS = {"NCHW": "OIHW", "NHWC": "OHWI"}


def to_layout(array, layout):
    """N C H W (or K C R S) as the layout has it."""
    return np.ascontiguousarray(array if layout == "NCHW" else array.transpose(0, 2, 3, 1))


def weights_of(network, layout, dtype):
    """By the layer's name: [weights, bias or None]."""
    weights = {}
    for layer in network.layers:
        if isinstance(layer, Convolution):
            weights[layer.name] = [to_layout(layer.weights, layout), layer.bias]
        elif isinstance(layer, InnerProduct):
            weights[layer.name] = [layer.weights, layer.bias]
    return jax.tree.map(lambda array: jnp.asarray(array, dtype), weights)


class JaxNet:
    """precision: lax.Precision.HIGHEST for true FP32, DEFAULT for TF32 where the GPU has it."""

    def __init__(self, network, layout, precision):
        self.network = network
        self.layout = layout
        self.precision = precision
        self.channels = layout.index("C")

    def __call__(self, weights, x):
        values = {self.network.input: x}
        for layer in self.network.layers:
            inputs = [values[name] for name in layer.inputs]
            values[layer.output] = self.apply_layer(layer, weights.get(layer.name), inputs)
        return self.flat(values[self.network.output])

    def apply_layer(self, layer, parameters, inputs):
        x = inputs[0]
        if isinstance(layer, Convolution):
            return self.convolution(layer, parameters, x)
        if isinstance(layer, InnerProduct):
            y = jnp.dot(self.flat(x), parameters[0].T, precision=self.precision)
            return y if parameters[1] is None else y + parameters[1]
        if isinstance(layer, Pooling):
            return self.pool(layer, x)
        if isinstance(layer, Relu):
            return jnp.maximum(x, 0)
        if isinstance(layer, Lrn):
            return self.lrn(layer, x)
        if isinstance(layer, Concat):
            return jnp.concatenate(inputs, self.channels)
        assert isinstance(layer, Softmax)
        axis = self.channels if x.ndim == 4 else 1
        return jax.nn.softmax(x.astype(jnp.float32), axis).astype(x.dtype)

    def flat(self, x):
        """N x (C H W), as Caffe counts."""
        if x.ndim == 4 and self.layout == "NHWC":
            x = x.transpose(0, 3, 1, 2)
        return x.reshape(len(x), -1)

    def around(self, vertical, horizontal, other):
        """One value a dimension: `other` for images and channels."""
        return tuple({"H": vertical, "W": horizontal}.get(name, other) for name in self.layout)

    def convolution(self, layer, parameters, x):
        y = lax.conv_general_dilated(
            x, parameters[0], layer.stride, [(p, p) for p in layer.pad],
            rhs_dilation=layer.dilation, feature_group_count=layer.group,
            dimension_numbers=(self.layout, KERNELS[self.layout], self.layout),
            precision=self.precision)
        if parameters[1] is None:
            return y
        shape = [1] * 4
        shape[self.channels] = -1
        return y + parameters[1].reshape(shape)

    def pool(self, layer, x):
        if layer.average and layer.is_global:
            axes = (self.layout.index("H"), self.layout.index("W"))
            return x.astype(jnp.float32).mean(axes, keepdims=True).astype(x.dtype)
        window = self.around(*layer.kernel, 1), self.around(*layer.stride, 1)
        pad = self.around(*zip(layer.pad, layer.pad_end), (0, 0))
        if not layer.average:
            return lax.reduce_window(x, np.array(-np.inf, x.dtype), lax.max, *window, pad)
        zero = np.float32(0)
        total = lax.reduce_window(x.astype(jnp.float32), zero, lax.add, *window, pad)
        inside = lax.reduce_window(jnp.ones(self.around(*x_size(x, self.layout), 1), jnp.float32),
                                   zero, lax.add, *window, pad)
        return (total / inside).astype(x.dtype)

    def lrn(self, layer, x):
        """In FP32, as sums of shifted squares, which XLA makes one loop of."""
        half, count = layer.size // 2, x.shape[self.channels]
        x32 = x.astype(jnp.float32)
        squares = jnp.pad(x32 * x32, [(half * (name == "C"),) * 2 for name in self.layout])
        total = sum(lax.slice_in_dim(squares, i, i + count, axis=self.channels)
                    for i in range(layer.size))
        s = layer.k + layer.alpha / layer.size * total
        power = jnp.sqrt(s) * jnp.sqrt(jnp.sqrt(s)) if layer.beta == 0.75 else s ** layer.beta
        return (x32 / power).astype(x.dtype)


def x_size(x, layout):
    return x.shape[layout.index("H")], x.shape[layout.index("W")]
