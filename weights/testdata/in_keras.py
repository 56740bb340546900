"""Makes networks of Keras Applications with random weights, saves the weights in every
format that Keras and TensorFlow have for them, and says what the networks answer.

usage: in_keras.py FOLDER

For each NAME it writes NAME.weights.h5 and with scripts/tensorfiles.py
NAME.weights.h5.safetensors; of the first network also NAME.h5, NAME.keras, their safetensors and
the checkpoint NAME.ckpt. images.npy are images [N,64,64,3] from 0 to 255, NAME.npy the logits
of them [N,5], with the network's own preprocess_input. applications.json has the numbers
of parameters in their usual sizes, and version.txt names Keras."""

import json
import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.keras import applications

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
import tensorfiles

NETWORKS = {
    "mobilenet_v2": (applications.MobileNetV2, applications.mobilenet_v2.preprocess_input),
    "resnet50": (applications.ResNet50, applications.resnet.preprocess_input),
}


def main(folder):
    at = lambda name: os.path.join(folder, name)
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (3, 64, 64, 3)).astype(np.float32)
    np.save(at("images.npy"), images)
    table = {}
    for name, (build, preprocess) in NETWORKS.items():
        whole = build(weights=None)
        table[name] = {"parameters": whole.count_params(), "frozen": sum(int(np.prod(v.shape)) for v in whole.non_trainable_variables)}
        model = build(weights=None, input_shape=(64, 64, 3), classes=5, classifier_activation=None)
        for v in model.variables:
            if v.path.endswith("variance"):
                v.assign(random.uniform(0.5, 1.5, v.shape))
            elif v.path.endswith("gamma"):
                v.assign(random.uniform(0.8, 1.2, v.shape))
            elif not v.path.endswith("kernel"):
                v.assign(random.normal(0, 0.1, v.shape))
        np.save(at(name + ".npy"), model(preprocess(images.copy()), training=False).numpy())
        model.save_weights(at(name + ".weights.h5"))
        ends = [".weights.h5"]
        if name == "mobilenet_v2":
            tf.train.Checkpoint(model=model).write(at(name + ".ckpt"))
            ends += [".h5", ".keras"]
            for end in ends[1:]:
                model.save(at(name + end))
        for end in ends:
            tensorfiles.write_safetensors(at(name + end + ".safetensors"), tensorfiles.read_keras(at(name + end)))
    with open(at("applications.json"), "w") as f:
        json.dump(table, f)
    with open(at("version.txt"), "w") as f:
        f.write(f"Keras {tf.keras.__version__}")


main(sys.argv[1])
