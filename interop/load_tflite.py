"""The TFLite converter and its interpreter, with TFLite's built-in operations
alone."""

import common
import tensorflow as tf


def load(folder, names):
    converter = tf.lite.TFLiteConverter.from_saved_model(common.model(folder), signature_keys=names)
    flat = converter.convert()
    interpreter = tf.lite.Interpreter(model_content=flat)
    return {"bytes": len(flat)}, {name: interpreter.get_signature_runner(name) for name in names}


common.run("tflite", f"TFLite of TensorFlow {tf.__version__}", load)
