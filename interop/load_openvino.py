"""OpenVINO. It reads serving_default from the SavedModel, and no other
signature: explanations are read from ONNX models, if load_onnx.py made them.

On processors with bfloat16 it computes in that unless told otherwise, with an
error of a hundredth."""

import os

import common
import openvino


def load(folder, signatures):
    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def runner(path):
        model = core.compile_model(core.read_model(path), "CPU")
        return lambda **inputs: {name(o): value for o, value in model(inputs).items()}

    functions = {"serving_default": runner(common.model(folder))}
    for signature in signatures:
        converted = os.path.join(folder, "onnx", signature + ".onnx")
        if signature not in functions and os.path.exists(converted):
            functions[signature] = runner(converted)
    return {}, functions


def name(output):
    """The signature's name of an output, which may have TensorFlow's, too."""
    (found,) = [n for n in output.get_names() if "/" not in n and ":" not in n]
    return found.removesuffix("_out")


common.run("openvino", "OpenVINO " + openvino.__version__.split("-")[0], load)
