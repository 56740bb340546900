"""Keras's TFSMLayer. It passes one input by position, so gradcam, which has
two, cannot be called through it."""

import common
import keras


def load(folder, _):
    serve = keras.layers.TFSMLayer(common.model(folder))  # call_endpoint="serve"
    default = keras.layers.TFSMLayer(common.model(folder), call_endpoint="serving_default")
    gradcam = keras.layers.TFSMLayer(common.model(folder), call_endpoint="gradcam")
    _, inputs = next(common.cases(folder))
    try:
        gradcam(inputs["image"], **{"class": inputs["class"]})
        refusal = ""
    except TypeError as e:
        refusal = str(e)
    facts = {
        "variables": len(default.weights),
        "trainable": len(default.trainable_weights),
        "gradcam_refused": refusal,
    }
    return facts, {"serve": lambda image: serve(image), "serving_default": lambda image: default(image)}


common.run("keras", f"TFSMLayer of Keras {keras.__version__}", load)
