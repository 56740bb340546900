"""Xplique on Keras, as its documentation has it. It enlarges maps bicubically: what
is proved is the map before that, enlarged as the others do. Its rule for integrated
gradients is another (trapezoids), so that what is proved there is the prediction."""

import importlib.metadata

import common
import tensorflow as tf
import with_keras
from common import BATCH, IMAGE_SIDE
from xplique.attributions import GradCAM, IntegratedGradients, Rise


def gradcam():
    model = with_keras.network()
    explainer = GradCAM(model, batch_size=BATCH, conv_layer="conv5")
    inputs = [tf.constant(common.images()[at]) for at in common.batches(len(common.images()))]
    predict = tf.function(lambda x: model(x, training=False))

    def step(x):
        logits = predict(x)
        tf.nn.softmax(logits)
        return logits, explainer.explain(x, tf.one_hot(tf.argmax(logits, axis=1), 6)).numpy()

    logits, _ = step(inputs[0])
    maps, gradients = explainer._gradient(inputs[0], tf.one_hot(tf.argmax(logits, axis=1), 6))
    heat = GradCAM._apply_weights(GradCAM._compute_weights(gradients, maps), maps)
    heat = tf.image.resize(heat[..., None], (IMAGE_SIDE, IMAGE_SIDE))[..., 0]
    common.prove(logits=logits, heat=common.scaled(heat))

    def run(pieces):
        for k in range(pieces // BATCH):
            step(inputs[k % len(inputs)])

    return run


def integrated():
    model = with_keras.network()
    explainer = IntegratedGradients(model, batch_size=common.STEPS, steps=common.STEPS, reducer="sum")
    predict = tf.function(lambda x: model(x, training=False))

    def step(x):
        logits = predict(x)
        tf.nn.softmax(logits)
        return logits, explainer.explain(x, tf.one_hot(tf.argmax(logits, axis=1), 6)).numpy()

    xs = [tf.constant(common.images()[k : k + 1]) for k in range(BATCH)]
    step(xs[0])
    common.prove(logits=predict(tf.constant(common.images()[:BATCH])))

    def run(pieces):
        for k in range(pieces):
            step(xs[k % BATCH])

    return run


def rise():
    model = with_keras.network()
    explainer = Rise(model, batch_size=BATCH, nb_samples=common.SAMPLES, grid_size=common.CELLS, preservation_probability=common.OPEN)
    predict = tf.function(lambda x: model(x, training=False))
    common.prove(logits=predict(tf.constant(common.images()[:BATCH])))

    def explain(image):
        x = tf.constant(image[None])
        return explainer.explain(x, tf.one_hot(tf.argmax(predict(x), axis=1), 6)).numpy()

    return common.each(explain)


common.serve(
    {"gradcam": gradcam, "ig": integrated, "rise": rise},
    f"Xplique {importlib.metadata.version('xplique')}, TensorFlow {tf.__version__}",
)
