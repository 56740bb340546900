"""tf2onnx, each signature to onnx/SIGNATURE.onnx, and ONNX Runtime.

In ONNX an input and an output cannot have one name, and explanations have a
class on both sides: the output becomes class_out. --rename-outputs wants all
outputs, in the order of their names.

tf2onnx copies the model before each of its optimizations, and Python collects
the copies late: of AlexNet02 it takes 15 GB, and 5 GB when told to collect at
once."""

import gc
import os
import sys

import common
import onnxruntime
import tf2onnx.convert

SERVING = "class,logits,probabilities"
EXPLAINING = "class_out,heatmap,probabilities,raw"


def load(folder, signatures):
    os.makedirs(os.path.join(folder, "onnx"))
    facts, functions = {}, {}
    for name in signatures:
        path = os.path.join(folder, "onnx", name + ".onnx")
        convert("--saved-model", common.model(folder), "--tag", "serve", "--signature_def", name, "--opset", "17",
                "--rename-outputs", SERVING if name in common.SERVING else EXPLAINING, "--output", path)  # fmt: skip
        functions[name] = runner(path)
    return facts, functions


def convert(*arguments):
    """What python3 -m tf2onnx.convert does, without starting TensorFlow anew."""
    sys.argv, before = ["tf2onnx.convert", *arguments], sys.argv
    collect_early()
    tf2onnx.convert.main()
    sys.argv = before


def collect_early():
    """Python looks at old objects only once they have grown by a quarter: what is
    frozen does not count."""
    gc.collect()
    gc.freeze()


def runner(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return lambda **inputs: {n.removesuffix("_out"): v for n, v in zip(names, session.run(names, inputs))}


gc.set_threshold(300, 1, 1)
common.run("onnx", f"tf2onnx, ONNX Runtime {onnxruntime.__version__}", load)
