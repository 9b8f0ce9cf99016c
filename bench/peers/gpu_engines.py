"""The peers on a GPU behind one face: made from a spec, fed by set_input, timed in `queue`.

A spec is a dict: engine, precision, batch, device ('gpu', or 'cpu' to try it without one) and the
files of the model. Inputs lie on the device, in the type that the engine computes in.
"""

import functools
import time

import numpy as np

from engines import Unavailable
from network import load_network

WARM_UP = 3

# load_network's of a worker's specs are all of one model.
read_network = functools.lru_cache(maxsize=1)(load_network)


def host_clock(call, wait, times):
    """Microseconds a call of `times` in a row."""
    start = time.perf_counter()
    for _ in range(times):
        call()
    wait()
    return (time.perf_counter() - start) * 1e6 / times


class Torch:
    """Eager or compiled by Inductor, both recorded as a CUDA graph and replayed: a compiled one's
    kernels are those of 'reduce-overhead' or 'max-autotune', without these modes' guards and copies
    of the input around each call."""

    clock = "CUDA events"
    MODES = {"torch-eager": None, "torch-compile": "default",
             "torch-max-autotune": "max-autotune-no-cudagraphs"}

    def __init__(self, spec):
        import torch
        import torch_net
        self.torch = torch
        self.version = torch.__version__
        self.is_gpu = spec["device"] == "gpu"
        if self.is_gpu and not torch.cuda.is_available():
            raise Unavailable("this PyTorch has no GPU")
        precision = spec["precision"]
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        self.type = torch.float16 if precision == "fp16" else torch.float32
        self.format = torch.contiguous_format if precision == "fp32" else torch.channels_last
        network = read_network(spec["prototxt"], spec["caffemodel"])
        module = torch_net.TorchNet(network).eval()
        mode = self.MODES[spec["engine"]]
        self.how = f"{'NCHW' if precision == 'fp32' else 'NHWC'}, CUDA graph"
        if not self.is_gpu:
            self.clock = "host"
        device = "cuda" if self.is_gpu else "cpu"
        self.module = module.to(device, self.type).to(memory_format=self.format)
        if mode:
            self.module = self.compile(mode)
        self.images = torch.zeros((spec["batch"], *network.input_shape), dtype=self.type,
                                  device=device).to(memory_format=self.format)
        with torch.no_grad():
            self.record()

    def compile(self, mode):
        """Anew for every shape: Dynamo must neither reuse another engine's code nor give up."""
        import torch._inductor.config
        torch = self.torch
        torch._dynamo.reset()
        torch._inductor.config.freezing = True
        return torch.compile(self.module, mode=mode, dynamic=False)

    def forward(self):
        with self.torch.no_grad():
            self.result = self.module(self.images)

    def record(self):
        """The module's kernels as one graph; beforehand they run, so that whatever is chosen by
        measuring or compiled at the first call is there."""
        torch = self.torch
        self.call, self.wait = self.forward, lambda: None
        if not self.is_gpu:
            return self.forward()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self.forward()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.forward()
        self.call, self.wait = graph.replay, torch.cuda.synchronize
        return None

    def set_input(self, images):
        self.images.copy_(self.torch.from_numpy(np.ascontiguousarray(images)))

    def queue(self, times):
        if not self.is_gpu:
            return host_clock(self.call, self.wait, times)
        events = [self.torch.cuda.Event(enable_timing=True) for _ in range(2)]
        events[0].record()
        for _ in range(times):
            self.call()
        events[1].record()
        self.wait()
        return events[0].elapsed_time(events[1]) * 1e3 / times

    def output(self):
        return self.result.float().cpu().numpy().reshape(len(self.images), -1)


class Xla:
    """jax.jit. Its runs are queued by the host and not recorded: what XLA itself makes graphs of is
    left to it. There are no events to be had on its stream."""

    clock = "host"
    LAYOUTS = {"xla": "NHWC", "xla-nchw": "NCHW"}

    def __init__(self, spec):
        import jax
        import jax.numpy as jnp
        import jax_net
        self.jax = jax
        self.version = jax.__version__
        self.to_layout = jax_net.to_layout
        if (jax.default_backend() == "cpu") != (spec["device"] == "cpu"):
            raise Unavailable(f"this JAX has no {spec['device'].upper()}")
        precision = spec["precision"]
        self.layout = self.LAYOUTS[spec["engine"]]
        self.how = f"{self.layout}, jax.jit"
        self.type = jnp.float16 if precision == "fp16" else jnp.float32
        network = read_network(spec["prototxt"], spec["caffemodel"])
        level = jax.lax.Precision.HIGHEST if precision == "fp32" else jax.lax.Precision.DEFAULT
        self.weights = jax.device_put(jax_net.weights_of(network, self.layout, self.type))
        self.function = jax.jit(jax_net.JaxNet(network, self.layout, level))
        self.set_input(np.zeros((spec["batch"], *network.input_shape), np.float32))
        for _ in range(WARM_UP):
            self.call()
        self.wait()

    def set_input(self, images):
        self.images = self.jax.numpy.asarray(self.to_layout(images, self.layout), self.type)
        self.images.block_until_ready()

    def call(self):
        self.result = self.function(self.weights, self.images)

    def wait(self):
        self.result.block_until_ready()

    def queue(self, times):
        return host_clock(self.call, self.wait, times)

    def output(self):
        return np.asarray(self.result, np.float32)


ENGINES = {**dict.fromkeys(Torch.MODES, Torch), **dict.fromkeys(Xla.LAYOUTS, Xla)}
