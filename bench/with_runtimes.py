"""OpenVINO and ONNX Runtime on AlexNet02 as an ONNX file with oscar's weights. They have no gradients. The size of a batch is fixed, which is faster; a smaller
one is filled up."""

import os
import subprocess
import sys

import common
import numpy as np
from common import BATCH, IMAGE_SIDE

RUNTIME = common.VARIANT


def convert():
    """Writes model.onnx, of a batch's logits, and features.onnx, of one image's logits and
    maps of conv5: AlexNet02 with oscar's weights. (tf2onnx takes 6 GB for it.)"""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, initializers = [], []

    def tensor(name, values):
        initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(kind, output, *inputs, **attributes):
        nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def get(layer, *roles):
        return [common.weights(layer, role) for role in roles]

    def convolution(x, layer, **attributes):
        kernel, bias = get(layer, "kernel", "bias")
        x = add("Conv", layer, x, tensor(layer + "/w", kernel.transpose(3, 2, 0, 1)), tensor(layer + "/b", bias), **attributes)
        return add("Relu", layer + "/relu", x)

    def pool(x, number):
        x = add("MaxPool", f"pool{number}", x, kernel_shape=[3, 3], strides=[2, 2])
        if number == 5:
            return x
        layer = f"bn{number}"
        values = get(layer, "gamma", "beta", "moving_mean", "moving_variance")
        return add("BatchNormalization", layer, x, *[tensor(f"{layer}/{k}", v) for k, v in enumerate(values)], epsilon=1e-3)

    def dense(x, layer):
        kernel, bias = get(layer, "kernel", "bias")
        if layer == "fc1":  # oscar flattens height, width, channel; ONNX channel, height, width
            kernel = kernel.reshape(6, 6, 256, -1).transpose(2, 0, 1, 3).reshape(9216, -1)
        return add("Gemm", layer, x, tensor(layer + "/w", kernel), tensor(layer + "/b", bias))

    x = add("Transpose", "nchw", "image", perm=[0, 3, 1, 2])
    x = pool(convolution(x, "conv1", strides=[4, 4]), 1)
    x = pool(convolution(x, "conv2", pads=[2, 2, 2, 2]), 2)
    maps = convolution(x, "conv5", pads=[1, 1, 1, 1])
    x = add("Flatten", "flatten", pool(maps, 5))
    for layer in ("fc1", "fc2"):
        x = add("Relu", layer + "/relu", dense(x, layer))
    logits = dense(x, "fc3")
    add("Transpose", "maps", maps, perm=[0, 2, 3, 1])

    value = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    for name, size, kept in [("model", BATCH, nodes[:-1]), ("features", 1, nodes)]:
        outputs = [value(logits, size, 6)] + [value("maps", size, 13, 13, 256)] * (kept is nodes)
        graph = helper.make_graph(kept, "alexnet02", [value("image", size, IMAGE_SIDE, IMAGE_SIDE, 3)], outputs, initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        file = os.path.join(common.MATERIAL, name + ".onnx")
        onnx.save(model, f"{file}.{os.getpid()}")
        os.replace(f"{file}.{os.getpid()}", file)


def onnx_file(name):
    """The file, made by a process of its own, whose memory is not this one's."""
    file = os.path.join(common.MATERIAL, name + ".onnx")
    if not os.path.exists(file):
        made = subprocess.run([sys.executable, __file__, "convert", common.MATERIAL, common.OUT], capture_output=True, text=True)
        if made.returncode:
            raise OSError(made.stderr[-500:])
    return file


def load(name):
    """A function of as many images as the file is for, that returns its outputs."""
    return {"openvino": in_openvino, "onnxruntime": in_onnxruntime}[RUNTIME](onnx_file(name))


def network():
    """A function of images [n,H,W,3] that returns their logits [n,6]."""
    run = load("model")
    filled = np.zeros((BATCH, IMAGE_SIDE, IMAGE_SIDE, 3), np.float32)

    def predict(images):
        if len(images) == BATCH:
            return run(images)[0]
        filled[: len(images)] = images
        return run(filled)[0][: len(images)]

    return predict


def in_openvino(file):
    import openvino as ov

    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": common.THREADS}
    if not common.BFLOAT16:
        settings["INFERENCE_PRECISION_HINT"] = "f32"  # else bfloat16 where the processor has it
    compiled = ov.Core().compile_model(file, "CPU", settings)
    common.note = str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
    request = compiled.create_infer_request()

    def run(images):
        results = request.infer([np.ascontiguousarray(images, np.float32)], share_inputs=True, share_outputs=True)
        return [results[k] for k in range(len(compiled.outputs))]

    return run


def in_onnxruntime(file):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = common.THREADS
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    return lambda images: session.run(None, {image.name: np.ascontiguousarray(images, np.float32)})


def version():
    if RUNTIME == "openvino":
        import openvino

        return "OpenVINO " + openvino.__version__.split("-")[0]
    import onnxruntime

    return "ONNX Runtime " + onnxruntime.__version__


def classify():
    net = network()
    inputs = [np.ascontiguousarray(common.images()[at]) for at in common.batches(len(common.images()))]
    common.prove(logits=net(inputs[0]))

    def run(pieces):
        for k in range(pieces // BATCH):
            common.softmax(net(inputs[k % len(inputs)]))

    return run


def rise():
    net, one = network(), load("features")
    shown = np.empty((BATCH, IMAGE_SIDE, IMAGE_SIDE, 3), np.float32)

    def explain(image, masks):
        target = one(image[None])[0].argmax()
        total = np.zeros(IMAGE_SIDE * IMAGE_SIDE, np.float32)
        for at in common.parts(len(masks)):
            some = masks[at]
            np.multiply(some[..., None], image, out=shown[: len(some)])
            total += common.softmax(net(shown[: len(some)]))[:, target] @ some.reshape(len(some), -1)
        return total.reshape(IMAGE_SIDE, IMAGE_SIDE)

    return common.rise(explain)


def scorecam():
    net, one = network(), load("features")
    shown = np.empty((BATCH, IMAGE_SIDE, IMAGE_SIDE, 3), np.float32)

    def explain(image):
        logits, maps = (out[0] for out in one(image[None]))
        target, masks = logits.argmax(), common.channel_masks(maps)
        scores = []
        for at in common.parts(len(masks)):
            np.multiply(masks[at][..., None], image, out=shown)
            scores.append(net(shown)[:, target].copy())
        return maps @ common.softmax(np.concatenate(scores))

    common.prove(scorecam=explain(common.images()[0]))
    return common.each(explain)


VERSION = version() if RUNTIME != "convert" else ""

if __name__ == "__main__":
    if RUNTIME == "convert":
        convert()
    else:
        common.serve({"classify": classify, "rise": rise, "scorecam": scorecam}, VERSION)
