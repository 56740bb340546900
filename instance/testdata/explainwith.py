#!/usr/bin/env python3
"""usage: explainwith.py TOOL MODEL WORK: the maps of the signature explain of a detector's
SavedModel, run by TOOL: tensorflow, tflite or onnx. The images are WORK/images.npy; box
and class of each are the best detection of TensorFlow, which comes first and writes
WORK/boxes.npy and WORK/classes.npy. WORK/TOOL-map.npy gets the maps."""

import os
import sys

import numpy as np


def tensorflow(model):
    import tensorflow as tf

    loaded = tf.saved_model.load(model)
    out = loaded.signatures["serving_default"](image=tf.constant(images))
    np.save(os.path.join(work, "boxes.npy"), out["detection_boxes"].numpy()[:, 0])
    np.save(os.path.join(work, "classes.npy"), out["detection_classes"].numpy()[:, 0])
    run = loaded.signatures["explain"]
    return lambda x: run(**{name: tf.constant(value) for name, value in x.items()})["map"].numpy()


def tflite(model):
    """TFLite's built-in operations alone."""
    import tensorflow as tf

    flat = tf.lite.TFLiteConverter.from_saved_model(model, signature_keys=["explain"]).convert()
    run = tf.lite.Interpreter(model_content=flat).get_signature_runner("explain")
    return lambda x: run(**x)["map"]


def onnx(model):
    import onnxruntime
    import tf2onnx.convert

    path = os.path.join(work, "explain.onnx")
    sys.argv[1:] = ["--saved-model", model, "--tag", "serve", "--signature_def", "explain", "--opset", "17", "--output", path]
    tf2onnx.convert.main()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["map"], x)[0]



tool, model, work = sys.argv[1:]
images = np.load(os.path.join(work, "images.npy"))[:5]
explain = globals()[tool](model)
boxes, classes = (np.load(os.path.join(work, name + ".npy")) for name in ["boxes", "classes"])
maps = []
for some in [slice(0, 1), slice(1, None)]:  # the first image alone, the others in a batch
    maps.append(explain({"image": images[some], "box": boxes[some], "class": classes[some]}))
np.save(os.path.join(work, tool + "-map.npy"), np.concatenate(maps).astype(np.float32))
