"""lime (marcotcr) with a model of PyTorch, Keras, OpenVINO or ONNX Runtime. Its superpixels are scikit-image's
SLIC, about as many as oscar has by default, not its own default, quickshift, which
alone takes longer than oscar takes for all."""

import importlib.metadata
import os

import common
import numpy as np

os.environ["TQDM_DISABLE"] = "1"  # no bars

from lime.lime_image import LimeImageExplainer  # noqa: E402
from lime.wrappers.scikit_image import SegmentationAlgorithm  # noqa: E402

SUPERPIXELS = 50


def in_torch():
    import torch
    import with_torch

    net = with_torch.network()

    @torch.inference_mode()
    def predict(x):
        return torch.softmax(net(x), dim=1).numpy()

    layout = with_torch.faster(net, predict)
    return lambda images: predict(with_torch.as_input(np.asarray(images, np.float32)).to(memory_format=layout)), with_torch.VERSION


def in_keras():
    import tensorflow as tf
    import with_keras

    model = with_keras.network()
    predict = tf.function(lambda x: tf.nn.softmax(model(x, training=False)), reduce_retracing=True)
    return lambda images: predict(tf.constant(images, tf.float32)).numpy(), f"TensorFlow {tf.__version__}"


def in_runtime():
    import with_runtimes

    net = with_runtimes.network()
    return lambda images: common.softmax(net(np.asarray(images, np.float32))), with_runtimes.VERSION


predict, version = {"torch": in_torch, "keras": in_keras, "openvino": in_runtime, "onnxruntime": in_runtime}[common.VARIANT]()


def explain(image):
    return LimeImageExplainer(random_state=0).explain_instance(
        image.astype(np.uint8), predict, top_labels=1, num_samples=common.SAMPLES, batch_size=common.BATCH,
        segmentation_fn=SegmentationAlgorithm("slic", n_segments=SUPERPIXELS, start_label=0),
    )  # fmt: skip


def lime():
    images = common.images()
    common.prove(probabilities=predict(images[: common.BATCH]))

    def run(pieces):
        for k in range(pieces):
            explain(images[k % common.BATCH])

    return run


common.serve({"lime": lime}, f"lime {importlib.metadata.version('lime')}, {version}")
