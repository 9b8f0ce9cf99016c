"""The layers of the digits network, in numpy, with Caffe's shapes and formulas.

Blobs are float32 N C H W. forward(x, rng) returns the top; rng is None at test time. backward(dst)
takes the gradient of the top, leaves those of the weights in self.grads and returns that of the
bottom. params is the layer's part of deploy.prototxt, blobs its weights in Caffe's order.
"""

import numpy as np


def ceil_div(a, b):
    return -(-a // b)


class Layer:
    kind = ""
    in_place = False
    params = ""

    def __init__(self, name):
        self.name = name
        self.blobs = []
        self.grads = []


class Convolution(Layer):
    """Stride 1, square kernel. Weights K C R S, then a bias K."""

    kind = "Convolution"

    def __init__(self, name, channels, num_output, kernel, pad, rng):
        super().__init__(name)
        fan_in = channels * kernel * kernel
        weights = rng.normal(0, np.sqrt(2 / fan_in), (num_output, channels, kernel, kernel))
        self.blobs = [weights.astype(np.float32), np.zeros(num_output, np.float32)]
        self.kernel, self.pad = kernel, pad
        self.params = (
            f"convolution_param {{ num_output: {num_output} kernel_size: {kernel} pad: {pad} }}"
        )

    def forward(self, x, rng):
        n = len(x)
        weights, bias = self.blobs
        pad = ((0, 0), (0, 0), (self.pad, self.pad), (self.pad, self.pad))
        padded = np.pad(x, pad)
        self.padded_shape = padded.shape
        windows = np.lib.stride_tricks.sliding_window_view(
            padded, (self.kernel, self.kernel), axis=(2, 3)
        )
        p, q = windows.shape[2:4]
        self.columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(n, -1, p * q)
        dst = weights.reshape(len(weights), -1) @ self.columns + bias[:, None]
        return dst.reshape(n, -1, p, q)

    def backward(self, dst):
        n, k, p, q = dst.shape
        flat = dst.reshape(n, k, p * q)
        weights = self.blobs[0]
        d_weights = (flat @ self.columns.transpose(0, 2, 1)).sum(0).reshape(weights.shape)
        self.grads = [d_weights, flat.sum((0, 2))]
        columns = weights.reshape(k, -1).T @ flat
        columns = columns.reshape(n, -1, self.kernel, self.kernel, p, q)
        src = np.zeros(self.padded_shape, np.float32)
        for r in range(self.kernel):
            for s in range(self.kernel):
                src[:, :, r : r + p, s : s + q] += columns[:, :, r, s]
        h, w = src.shape[2:]
        return src[:, :, self.pad : h - self.pad, self.pad : w - self.pad]


class Pooling(Layer):
    """No padding; the output size is rounded up, and the last window clipped to the image."""

    kind = "Pooling"

    def __init__(self, name, method, kernel, stride):
        super().__init__(name)
        self.method, self.kernel, self.stride = method, kernel, stride
        self.params = f"pooling_param {{ pool: {method} kernel_size: {kernel} stride: {stride} }}"

    def taps(self, padded, p, q):
        """One strided view of padded for each position of the window: N C P Q."""
        for r in range(self.kernel):
            for s in range(self.kernel):
                rows = slice(r, r + self.stride * (p - 1) + 1, self.stride)
                columns = slice(s, s + self.stride * (q - 1) + 1, self.stride)
                yield padded[:, :, rows, columns]

    def frame(self, shape, value):
        """An image large enough for the last window, filled with value; and the output's size."""
        n, c, h, w = shape
        p = ceil_div(h - self.kernel, self.stride) + 1
        q = ceil_div(w - self.kernel, self.stride) + 1
        height = self.stride * (p - 1) + self.kernel
        width = self.stride * (q - 1) + self.kernel
        return np.full((n, c, height, width), value, np.float32), p, q

    def forward(self, x, rng):
        h, w = x.shape[2:]
        self.shape = x.shape
        padded, p, q = self.frame(x.shape, -np.inf if self.method == "MAX" else 0)
        padded[:, :, :h, :w] = x
        if self.method == "MAX":
            dst = np.maximum.reduce(list(self.taps(padded, p, q)))
            self.padded, self.dst = padded, dst
            return dst
        inside, _, _ = self.frame((1, 1, h, w), 0)
        inside[:, :, :h, :w] = 1
        self.window_size = sum(self.taps(inside, p, q))
        return sum(self.taps(padded, p, q)) / self.window_size

    def backward(self, dst):
        h, w = self.shape[2:]
        src, p, q = self.frame(self.shape, 0)
        if self.method == "MAX":
            left = np.ones(dst.shape, bool)
            for tap, x in zip(self.taps(src, p, q), self.taps(self.padded, p, q)):
                chosen = left & (x == self.dst)
                tap += dst * chosen
                left &= ~chosen
        else:
            for tap in self.taps(src, p, q):
                tap += dst / self.window_size
        return src[:, :, :h, :w]


class Lrn(Layer):
    """Across channels: x / (1 + alpha/n * sum of x^2 over n neighbouring channels)^beta."""

    kind = "LRN"

    def __init__(self, name, local_size, alpha, beta):
        super().__init__(name)
        self.local_size, self.alpha, self.beta = local_size, alpha, beta
        self.params = f"lrn_param {{ local_size: {local_size} alpha: {alpha} beta: {beta} }}"

    def sum_neighbours(self, x):
        half = self.local_size // 2
        padded = np.pad(x, ((0, 0), (half, half), (0, 0), (0, 0)))
        c = x.shape[1]
        return sum(padded[:, i : i + c] for i in range(self.local_size))

    def forward(self, x, rng):
        factor = np.float32(self.alpha / self.local_size)
        self.x = x
        self.scale = 1 + factor * self.sum_neighbours(x * x)
        self.power = self.scale ** np.float32(-self.beta)
        return x * self.power

    def backward(self, dst):
        factor = np.float32(2 * self.beta * self.alpha / self.local_size)
        ratio = dst * self.x * self.power / self.scale
        return dst * self.power - factor * self.x * self.sum_neighbours(ratio)


class InnerProduct(Layer):
    """Weights num_output x (C H W), then a bias."""

    kind = "InnerProduct"

    def __init__(self, name, num_input, num_output, rng):
        super().__init__(name)
        weights = rng.normal(0, np.sqrt(2 / num_input), (num_output, num_input))
        self.blobs = [weights.astype(np.float32), np.zeros(num_output, np.float32)]
        self.params = f"inner_product_param {{ num_output: {num_output} }}"

    def forward(self, x, rng):
        self.shape = x.shape
        self.src = x.reshape(len(x), -1)
        return self.src @ self.blobs[0].T + self.blobs[1]

    def backward(self, dst):
        self.grads = [dst.T @ self.src, dst.sum(0)]
        return (dst @ self.blobs[0]).reshape(self.shape)


class Relu(Layer):
    kind = "ReLU"
    in_place = True

    def forward(self, x, rng):
        self.positive = x > 0
        return x * self.positive

    def backward(self, dst):
        return dst * self.positive


class Dropout(Layer):
    """Scales by 1 / (1 - ratio) what it keeps in training; the identity at test time."""

    kind = "Dropout"
    in_place = True

    def __init__(self, name, ratio):
        super().__init__(name)
        self.ratio = ratio
        self.params = f"dropout_param {{ dropout_ratio: {ratio} }}"

    def forward(self, x, rng):
        if rng is None:
            return x
        keep = np.float32(1 - self.ratio)
        self.mask = (rng.random(x.shape, np.float32) < keep) / keep
        return x * self.mask

    def backward(self, dst):
        return dst * self.mask


class Softmax(Layer):
    kind = "Softmax"

    def forward(self, x, rng):
        e = np.exp(x - x.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)
