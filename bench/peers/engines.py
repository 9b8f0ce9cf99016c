"""The peers behind one face: made from a spec, fed by set_input, timed in run, read by output.

A spec is a dict: engine, precision, batch, threads, and the files of the model. Every engine gets
the settings that its own documentation gives for the least latency on that many threads.
"""

import concurrent.futures
import sys

import numpy as np


class Unavailable(Exception):
    """This engine cannot run this spec here, and why."""


class Ncnn:
    """Has no batch: a batch's images run one by one, as many at once as there are threads."""

    def __init__(self, spec):
        import ncnn
        self.ncnn = ncnn
        self.version = ncnn.__version__
        is_half = spec["precision"] == "bf16"
        self.net = ncnn.Net()
        option = self.net.opt
        option.use_bf16_storage = is_half
        option.use_fp16_packed = option.use_fp16_storage = option.use_fp16_arithmetic = False
        option.num_threads = spec["threads"] if spec["batch"] == 1 else 1
        if self.net.load_param(spec["param"]) or self.net.load_model(spec["bin"]):
            raise Unavailable("ncnn does not load the converted network")
        self.input, self.name = spec["input"], spec["output"]
        self.pool = None
        if spec["batch"] > 1 and spec["threads"] > 1:
            self.pool = concurrent.futures.ThreadPoolExecutor(spec["threads"])

    def set_input(self, images):
        self.arrays = [np.ascontiguousarray(image) for image in images]
        self.images = [self.ncnn.Mat(array) for array in self.arrays]

    def run(self):
        if self.pool:
            self.results = list(self.pool.map(self.run_one, self.images))
        else:
            self.results = [self.run_one(image) for image in self.images]

    def run_one(self, image):
        extractor = self.net.create_extractor()
        extractor.input(self.input, image)
        return extractor.extract(self.name)[1]

    def output(self):
        return np.stack([np.array(result).reshape(-1) for result in self.results])


class OpenVino:
    def __init__(self, spec):
        import openvino
        self.openvino = openvino
        self.version = openvino.__version__.split("-")[0]
        precision = {"fp32": "f32", "bf16": "bf16"}[spec["precision"]]
        compiled = openvino.Core().compile_model(spec["onnx"], "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": spec["threads"], "INFERENCE_PRECISION_HINT": precision})
        used = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        if used != precision:
            raise Unavailable(f"OpenVINO computes in {used} on this CPU")
        self.request = compiled.create_infer_request()

    def set_input(self, images):
        self.images = np.ascontiguousarray(images)
        self.request.set_input_tensor(self.openvino.Tensor(self.images, shared_memory=True))

    def run(self):
        self.request.infer()

    def output(self):
        return self.request.get_output_tensor().data.copy()


class OnnxRuntime:
    def __init__(self, spec):
        import onnxruntime
        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = spec["threads"]
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(spec["onnx"], options,
                                                    providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        self.name = self.session.get_outputs()[0].name

    def set_input(self, images):
        self.binding = self.session.io_binding()
        self.binding.bind_cpu_input(self.input, np.ascontiguousarray(images))
        self.binding.bind_output(self.name)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def output(self):
        return self.binding.copy_outputs_to_cpu()[0]


class Mnn:
    def __init__(self, spec):
        import MNN
        self.mnn = MNN
        self.version = MNN.version()
        self.interpreter = MNN.Interpreter(spec["mnn"])
        self.session = self.interpreter.createSession(
            {"backend": "CPU", "precision": "normal", "numThread": spec["threads"]})
        self.input = self.interpreter.getSessionInput(self.session)
        self.shape = (spec["batch"], *spec["input_shape"])
        self.interpreter.resizeTensor(self.input, self.shape)
        self.interpreter.resizeSession(self.session)

    def host_tensor(self, shape, values):
        return self.mnn.Tensor(shape, self.mnn.Halide_Type_Float, values,
                               self.mnn.Tensor_DimensionType_Caffe)

    def set_input(self, images):
        self.images = np.ascontiguousarray(images)
        self.host = self.host_tensor(self.shape, self.images)

    def run(self):
        self.input.copyFrom(self.host)
        self.interpreter.runSession(self.session)

    def output(self):
        result = self.interpreter.getSessionOutput(self.session)
        shape = result.getShape()
        host = self.host_tensor(shape, np.zeros(shape, np.float32))
        result.copyToHostTensor(host)
        return np.array(host.getData(), np.float32).reshape(self.shape[0], -1)


class OpenCv:
    def __init__(self, spec):
        import cv2
        self.version = cv2.__version__
        cv2.setNumThreads(spec["threads"])
        self.net = cv2.dnn.readNetFromCaffe(spec["prototxt"], spec["caffemodel"])
        self.net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        self.net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)

    def set_input(self, images):
        self.images = np.ascontiguousarray(images)

    def run(self):
        self.net.setInput(self.images)
        self.result = self.net.forward()

    def output(self):
        return self.result.reshape(len(self.images), -1)


class TorchCompile:
    """Inductor with frozen weights, channels last."""

    def __init__(self, spec):
        import torch
        import torch._inductor.config
        import torch_net
        from network import load_network
        self.torch = torch
        self.version = torch.__version__
        torch.set_num_threads(spec["threads"])
        torch.set_num_interop_threads(1)
        torch._inductor.config.freezing = True
        self.type = {"fp32": torch.float32, "bf16": torch.bfloat16}[spec["precision"]]
        module = torch_net.TorchNet(load_network(spec["prototxt"], spec["caffemodel"]))
        module = module.eval().to(self.type).to(memory_format=torch.channels_last)
        self.module = torch.compile(module)

    def set_input(self, images):
        torch = self.torch
        self.images = torch.from_numpy(np.ascontiguousarray(images)).to(self.type).to(
            memory_format=torch.channels_last)

    def run(self):
        with self.torch.no_grad():
            self.result = self.module(self.images)

    def output(self):
        return self.result.float().numpy().reshape(len(self.images), -1)


ENGINES = {"ncnn": Ncnn, "openvino": OpenVino, "onnxruntime": OnnxRuntime,
           "onnxruntime-lrn": OnnxRuntime, "mnn": Mnn, "opencv": OpenCv,
           "torch-compile": TorchCompile}


def make_engine(spec):
    try:
        return ENGINES[spec["engine"]](spec)
    except Unavailable:
        raise
    except Exception as error:  # whatever a foreign library throws means the same here
        print(f"{spec['engine']}: {error!r}", file=sys.stderr)
        raise Unavailable(str(error).strip().splitlines()[0] if str(error) else repr(error))
