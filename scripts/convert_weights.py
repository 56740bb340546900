"""Writes published weights as a Keras SavedModel, for fetch-weights, and as they are to
OUT.safetensors.

usage: convert_weights.py NAME FILE OUT

Every tensor of the file must find its place in the model, and every weight of the
model its tensor.
"""

import os
import sys

from tensorfiles import read_torch, write_safetensors


def efficientnet_lite0(path):
    """EfficientNet-Lite0 as published: no squeeze and excitation, ReLU6, images (x - 127) / 128."""
    import keras
    from keras import layers as L

    tensors = read_torch(path)
    used, assignments = set(), []

    def take(name):
        used.add(name)
        return tensors[name]

    def batch_norm(x, name, source):
        layer = L.BatchNormalization(epsilon=1e-3, name=name)
        x = layer(x)
        used.add(source + ".num_batches_tracked")
        assignments.append((layer, [take(source + s) for s in (".weight", ".bias", ".running_mean", ".running_var")]))
        return x

    def conv(x, name, source, filters, kernel, stride=1):
        layer = L.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False, name=name)
        x = layer(x)
        assignments.append((layer, [take(source + ".weight").transpose(2, 3, 1, 0)]))
        return x

    def depthwise(x, name, source, kernel, stride):
        layer = L.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False, name=name)
        x = layer(x)
        assignments.append((layer, [take(source + ".weight").transpose(2, 3, 0, 1)]))
        return x

    def relu6(x, name):
        return L.ReLU(6.0, name=name)(x)

    image = keras.Input((None, None, 3), name="image")
    x = L.Rescaling(1 / 128, offset=-127 / 128, name="scale")(image)
    x = relu6(batch_norm(conv(x, "stem_conv", "_conv_stem", 32, 3, 2), "stem_bn", "_bn0"), "stem_relu")
    number = 0
    # repeats, kernel, stride, expansion, filters
    for stage, (repeats, kernel, stride, expansion, filters) in enumerate([
        (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
    ], 1):  # fmt: skip
        for k in range(repeats):
            name, source = f"block{stage}{'abcd'[k]}", f"_blocks.{number}."
            number += 1
            before = x
            if expansion > 1:
                x = conv(x, name + "_expand_conv", source + "_expand_conv", before.shape[-1] * expansion, 1)
                x = relu6(batch_norm(x, name + "_expand_bn", source + "_bn0"), name + "_expand_relu")
            x = depthwise(x, name + "_dwconv", source + "_depthwise_conv", kernel, stride if k == 0 else 1)
            x = relu6(batch_norm(x, name + "_bn", source + "_bn1"), name + "_relu")
            x = conv(x, name + "_project_conv", source + "_project_conv", filters, 1)
            x = batch_norm(x, name + "_project_bn", source + "_bn2")
            if k > 0:
                x = L.Add(name=name + "_add")([x, before])
    x = relu6(batch_norm(conv(x, "top_conv", "_conv_head", 1280, 1), "top_bn", "_bn1"), "top_relu")
    x = L.GlobalAveragePooling2D(name="pool")(x)
    dense = L.Dense(1000, name="predictions")
    x = dense(x)
    assignments.append((dense, [take("_fc.weight").T, take("_fc.bias")]))
    model = keras.Model(image, L.Softmax(name="softmax")(x), name="efficientnet_lite0")
    for layer, values in assignments:
        layer.set_weights(values)
    check(tensors, used, model, assignments)
    return model, 224


def check(tensors, used, model, assignments):
    """Every tensor is used once and every weight set."""
    if left := sorted(set(tensors) - used):
        raise SystemExit(f"tensors without a place: {', '.join(left)}")
    set_layers = {layer.name for layer, _ in assignments}
    if missing := [layer.name for layer in model.layers if layer.weights and layer.name not in set_layers]:
        raise SystemExit(f"layers without weights: {', '.join(missing)}")


MODELS = {"efficientnet_lite0": efficientnet_lite0}


def main():
    name, path, out = sys.argv[1:]
    import keras
    import tensorflow as tf

    model, size = MODELS[name](path)
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", lambda x: model(x, training=False), [tf.TensorSpec((None, None, None, 3), tf.float32)])
    archive.write_out(out, verbose=False)
    with open(os.path.join(out, "oscar.yaml"), "w") as f:
        f.write(f"image:\n  height: {size}\n  width: {size}\n")
    write_safetensors(out + ".safetensors", read_torch(path))


main()
