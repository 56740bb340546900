"""tf.saved_model.load, and what it can do with the variables."""

import common
import tensorflow as tf


def load(folder, names):
    loaded = tf.saved_model.load(common.model(folder))
    signatures = dict(loaded.signatures)
    variables = list(getattr(loaded, "variables", []))
    trainable = [v for v in variables if v.trainable]

    serving = signatures["serving_default"]
    shape = serving.structured_input_signature[1]["image"].shape
    with tf.GradientTape() as tape:  # can it be trained on?
        loss = tf.reduce_sum(serving(image=tf.ones([2] + shape[1:]))["logits"] ** 2)
    gradients = tape.gradient(loss, trainable)

    facts = {
        "variables": len(variables),
        "trainable": len(trainable),
        "signature_trainable": len(serving.trainable_variables),
        "gradients": sum(g is not None for g in gradients),
        "names": [v.name for v in variables],
    }
    return facts, {name: caller(signatures[name]) for name in names}


def caller(function):
    return lambda **inputs: function(**{k: tf.constant(v) for k, v in inputs.items()})


common.run("tensorflow", f"tf.saved_model.load of TensorFlow {tf.__version__}", load)
