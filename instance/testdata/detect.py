#!/usr/bin/env python3
"""usage: detect.py TOOL MODEL WORK: what the SavedModel of a detector finds on the images
in WORK/images.npy, run by TOOL: tensorflow, tflite, onnx or openvino. The first image comes
alone, the others in batches of 3. Prints JSON; WORK/TOOL.npy gets the masks."""

import json
import os
import sys

import numpy as np

NAMES = ["detection_boxes", "detection_classes", "detection_masks", "detection_scores", "num_detections"]


def tensorflow(model):
    import tensorflow as tf

    run = tf.saved_model.load(model).signatures["serving_default"]
    return lambda images: {name: value.numpy() for name, value in run(image=tf.constant(images)).items()}


def tflite(model):
    """TFLite's built-in operations alone."""
    import tensorflow as tf

    flat = tf.lite.TFLiteConverter.from_saved_model(model, signature_keys=["serving_default"]).convert()
    run = tf.lite.Interpreter(model_content=flat).get_signature_runner("serving_default")
    return lambda images: run(image=images)


def onnx(model):
    import onnxruntime
    import tf2onnx.convert

    path = os.path.join(sys.argv[3], "model.onnx")
    sys.argv[1:], before = ["--saved-model", model, "--tag", "serve", "--signature_def", "serving_default", "--opset", "17",
                            "--rename-outputs", ",".join(NAMES), "--output", path], sys.argv[1:]  # fmt: skip
    tf2onnx.convert.main()
    sys.argv[1:] = before
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: dict(zip(NAMES, session.run(NAMES, {session.get_inputs()[0].name: images})))


def openvino(model):
    import openvino

    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    run = core.compile_model(core.read_model(model), "CPU")
    return lambda images: {n: value for o, value in run(images).items() for n in o.get_names() if n in NAMES}


tool, model, work = sys.argv[1:]
detect = globals()[tool](model)
images = np.load(os.path.join(work, "images.npy"))
found, masks = [], []
for first in [0, *range(1, len(images), 3)]:
    out = detect(images[first : first + 3 if first else 1])
    for i, n in enumerate(out["num_detections"]):
        found.append([])
        for k in range(int(n)):
            y1, x1, y2, x2 = (float(v) for v in out["detection_boxes"][i, k])
            found[-1].append({"Box": [x1, y1, x2, y2], "Class": float(out["detection_classes"][i, k]), "Score": float(out["detection_scores"][i, k])})
            masks.append(out["detection_masks"][i, k])
np.save(os.path.join(work, tool + ".npy"), np.array(masks, np.float32))
print(json.dumps(found))
