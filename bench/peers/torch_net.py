"""A network as a torch module, for torch.compile."""

import torch
import torch.nn.functional as F

from network import Concat, Convolution, InnerProduct, Lrn, Pooling, Relu, Softmax


class TorchNet(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.weights = torch.nn.ParameterList()
        self.places = {}  # of a layer's weights and bias in that list
        for layer in network.layers:
            if isinstance(layer, (Convolution, InnerProduct)):
                arrays = [layer.weights] + ([] if layer.bias is None else [layer.bias])
                first = len(self.weights)
                self.places[layer.name] = list(range(first, first + len(arrays)))
                for array in arrays:
                    self.weights.append(torch.nn.Parameter(torch.tensor(array),
                                                           requires_grad=False))

    def parameters_of(self, layer):
        both = [self.weights[place] for place in self.places[layer.name]]
        return both if len(both) == 2 else [*both, None]

    def forward(self, x):
        values = {self.network.input: x}
        for layer in self.network.layers:
            values[layer.output] = self.apply_layer(layer, [values[name] for name in layer.inputs])
        return values[self.network.output].flatten(1)

    def apply_layer(self, layer, inputs):
        x = inputs[0]
        if isinstance(layer, Convolution):
            return F.conv2d(x, *self.parameters_of(layer), layer.stride, layer.pad, layer.dilation,
                            layer.group)
        if isinstance(layer, InnerProduct):
            return F.linear(x.flatten(1), *self.parameters_of(layer))
        if isinstance(layer, Pooling):
            return pool(layer, x)
        if isinstance(layer, Relu):
            return F.relu(x)
        if isinstance(layer, Lrn):
            return lrn(layer, x)
        if isinstance(layer, Concat):
            return torch.cat(inputs, 1)
        assert isinstance(layer, Softmax)
        return F.softmax(x, 1)


def pool(layer, x):
    if layer.average:
        if layer.is_global:
            return x.mean((2, 3), keepdim=True)
        return F.avg_pool2d(x, layer.kernel, layer.stride, layer.pad, ceil_mode=True)
    return F.max_pool2d(x, layer.kernel, layer.stride, layer.pad, ceil_mode=True)


def lrn(layer, x):
    """In FP32, as sums of shifted squares: Inductor makes one loop of them."""
    half = layer.size // 2
    x32 = x.float()
    squares = F.pad(x32 * x32, (0, 0, 0, 0, half, half))
    total = sum(squares[:, i:i + x.shape[1]] for i in range(layer.size))
    s = layer.k + layer.alpha / layer.size * total
    return (x32 / (s ** layer.beta if layer.beta != 0.75 else s.sqrt() * s.sqrt().sqrt())).to(
        x.dtype)
