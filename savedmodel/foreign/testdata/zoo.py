"""Makes small foreign models from seeds, and what TensorFlow says of them.

usage: zoo.py OUT [NAME...]

Each model gets OUT/NAME with export (a SavedModel), model.json, image.npy
(0..255), output.npy, image.grad.npy, integrated.npy and, for each layer looked
at, LAYER.values.npy, LAYER.grad.npy and LAYER.ablated.npy, [N,4]: the largest logit's
class with one of the first four channels set to zero. Gradients are those of tf.GradientTape,
of the sum of each image's largest logit. integrated.npy has integrated gradients
of it from black, in 20 Gauss-Legendre points, [N,H,W,3]. Of some models guided.npy has
the guided gradient at the image, [N,H,W,3].
"""

import json
import os
import sys

import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
SIZE = 48
CLASSES = 6


def drawn(shape, seed=3):
    """Images of soft colors, of whole numbers."""
    r = np.random.default_rng(seed)
    soft = np.asarray(tf.image.resize(r.uniform(0, 255, [shape[0], 7, 7, shape[3]]), shape[1:3]))
    return np.floor(0.7 * soft + 0.3 * r.uniform(0, 255, shape)).astype("f4")


def jiggle(model, image):
    """Moves all that training would: biases, scales, moving averages."""
    r = np.random.default_rng(1)
    for w in model.weights:
        kind, shape = w.path.split("/")[-1], w.shape
        if kind == "gamma":
            w.assign(r.uniform(0.6, 1.4, shape))
        elif kind in ("beta", "bias"):
            w.assign(r.normal(0, 0.1, shape))
    norms = [q for q in model._flatten_layers() if isinstance(q, L.BatchNormalization)]
    # moving averages as a trained network has them: those of a batch
    calls = [q.call for q in norms]
    for q in norms:
        q.momentum, q.trainable = 0.0, True
        q.call = (lambda call: lambda inputs, training=None, mask=None: call(inputs, training=True, mask=mask))(q.call)
    model(image, training=False)
    for q, call in zip(norms, calls):
        q.momentum, q.call = 0.99, call
    return model


def sequential(*layers, name=None, shape=(SIZE, SIZE, 3), **k):
    return keras.Sequential([keras.Input(shape, **k), *layers], name=name)


def user_seq():
    return sequential(
        L.RandomFlip("horizontal"), L.RandomRotation(0.1), L.RandomContrast(0.1), L.Rescaling(1 / 255),
        L.Conv2D(8, 3, padding="same", activation="relu"), L.MaxPooling2D(), L.Conv2D(12, 3, padding="same", activation="relu"),
        L.BatchNormalization(), L.MaxPooling2D(), L.Dropout(0.3), L.Conv2D(16, 3, activation="relu"), L.Flatten(),
        L.Dense(16, activation="relu"), L.Dense(CLASSES, activation="softmax"), name="trash")


def plain():
    return sequential(L.Rescaling(1 / 255), L.Conv2D(8, 3, activation="relu"), L.BatchNormalization(), L.MaxPooling2D(),
                      L.Conv2D(12, 3, activation="relu"), L.GlobalAveragePooling2D(), L.Dense(CLASSES, activation="softmax"))


def preprocessing():
    n = L.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.229**2, 0.224**2, 0.225**2])
    return sequential(
        L.Resizing(40, 40), L.CenterCrop(36, 36), L.Rescaling(1 / 255), n, L.Conv2D(8, 3, strides=2, padding="same", use_bias=False),
        L.BatchNormalization(), L.ReLU(6.0), L.SeparableConv2D(16, 3, padding="same"), L.Activation("hard_silu"), L.Conv2D(16, 3, padding="same"),
        L.GroupNormalization(4), L.Activation("swish"), L.AveragePooling2D(2), L.Conv2D(16, 3, padding="same"), L.LayerNormalization(),
        L.PReLU(shared_axes=[1, 2]), L.SpatialDropout2D(0.2), L.GlobalMaxPooling2D(), L.Dense(CLASSES), L.Softmax(), shape=(56, 44, 3))


def odd():
    i = keras.Input((SIZE, SIZE, 3))
    x = L.ZeroPadding2D(1)(L.Rescaling(1 / 127.5, -1)(i))
    x = L.Conv2D(8, 3, strides=2, activation="elu")(x)
    x = L.Conv2D(16, 3, padding="same", dilation_rate=2, activation="relu", name="dilated")(x)
    x = L.Conv2D(16, 3, padding="same", groups=4, activation="gelu", name="grouped")(x)
    x = L.LeakyReLU()(L.DepthwiseConv2D(3, padding="same", dilation_rate=2)(x))
    x = L.Conv2D(16, 3, padding="same", activation="mish")(x)
    s = L.Conv2D(4, 1, activation="relu")(L.GlobalAveragePooling2D(keepdims=True)(x))
    x = L.Multiply()([x, L.Conv2D(16, 1, activation="hard_sigmoid")(s)])
    y = L.UpSampling2D(2, interpolation="bilinear")(L.MaxPooling2D(2)(x))
    x = L.Conv2DTranspose(16, 3, strides=2, padding="same", activation="selu")(L.Concatenate()([x, y]))
    x = L.Conv2D(16, 3, strides=3, activation="softplus", name="last")(x)
    x = L.UnitNormalization()(L.GlobalAveragePooling2D()(x))
    return keras.Model(i, L.Dense(1, activation="sigmoid")(x))


def ending(*last):
    """A small network that ends with the layers that last makes."""
    return lambda: keras.Sequential([keras.Input((SIZE, SIZE, 3)), L.Rescaling(1 / 255), L.Conv2D(8, 5, strides=4, activation="relu"),
                                     L.GlobalAveragePooling2D(), *[make() for make in last]])


def nested():
    base = keras.applications.MobileNetV2(weights=None, input_shape=(SIZE, SIZE, 3), include_top=False, alpha=0.35)
    aug = keras.Sequential([L.RandomFlip("horizontal"), L.RandomRotation(0.2)], name="aug")
    i = keras.Input((SIZE, SIZE, 3))
    x = base(keras.applications.mobilenet_v2.preprocess_input(aug(i)), training=False)
    return keras.Model(i, L.Dense(CLASSES)(L.Dropout(0.2)(L.GlobalAveragePooling2D()(x))))


class Patches(L.Layer):
    def call(self, x):
        y = tf.image.extract_patches(x, [1, 8, 8, 1], [1, 8, 8, 1], [1, 1, 1, 1], "VALID")
        return tf.reshape(y, [tf.shape(x)[0], 36, 192])


class Positions(L.Layer):
    """Adds positions, and a token for the whole image in front."""

    def build(self, shape):
        self.whole = self.add_weight(shape=(1, 1, shape[2]), initializer="random_normal", name="whole")
        self.positions = self.add_weight(shape=(1, shape[1] + 1, shape[2]), initializer="random_normal", name="positions")

    def call(self, x):
        whole = tf.tile(self.whole, [tf.shape(x)[0], 1, 1])
        return tf.concat([whole, x], 1) + self.positions


def vit():
    i = keras.Input((SIZE, SIZE, 3))
    x = Positions()(L.Dense(32)(Patches()(L.Rescaling(1 / 255)(i))))
    y = L.LayerNormalization(epsilon=1e-6)(x)
    x = L.Add(name="attended")([x, L.MultiHeadAttention(2, 16, dropout=0.1)(y, y)])
    y = L.Dense(32)(L.Dense(48, activation="gelu")(L.LayerNormalization(epsilon=1e-6)(x)))
    x = L.LayerNormalization(epsilon=1e-6, name="tokens")(L.Add()([x, y]))
    return keras.Model(i, L.Dense(CLASSES, activation="softmax")(L.GlobalAveragePooling1D()(x)))


class First(L.Layer):
    def call(self, x):
        return x[:, 0]


def vit_class():
    """Classifies by the token for the whole image."""
    i = keras.Input((SIZE, SIZE, 3))
    x = Positions()(L.Dense(32)(Patches()(L.Rescaling(1 / 255)(i))))
    y = L.LayerNormalization(epsilon=1e-6, name="before")(x)
    x = L.Add(name="attended")([x, L.MultiHeadAttention(2, 16)(y, y)])
    x = L.LayerNormalization(epsilon=1e-6, name="after")(x)
    return keras.Model(i, L.Dense(CLASSES, activation="softmax")(First()(x)))


def outer():
    """Scales nothing: it wants -1..1."""
    return sequential(L.Conv2D(8, 3, strides=2, activation="relu"), L.Conv2D(12, 3, activation="relu"), L.GlobalAveragePooling2D(),
                      L.Dense(CLASSES, activation="softmax"))


def mixed(policy, **head):
    def make():
        keras.mixed_precision.set_global_policy(policy)
        try:
            return sequential(L.Rescaling(1 / 255), L.Conv2D(8, 3, activation="relu"), L.BatchNormalization(), L.MaxPooling2D(),
                              L.Conv2D(12, 3, activation="relu"), L.GlobalAveragePooling2D(), L.Dense(CLASSES, activation="softmax", **head))
        finally:
            keras.mixed_precision.set_global_policy("float32")
    return make


def mixed_strided(policy):
    """Of 16 bits from the first convolution, with a stride, to the last activation."""
    def make():
        keras.mixed_precision.set_global_policy(policy)
        try:
            return sequential(
                L.Rescaling(1 / 16), L.Conv2D(8, 3, strides=2, padding="same", activation="relu"), L.SeparableConv2D(12, 3, activation="swish"),
                L.AveragePooling2D(2), L.Conv2D(12, 3, strides=2), L.ReLU(6.0), L.GlobalAveragePooling2D(), L.Dense(12, activation="tanh"),
                L.Dense(CLASSES), L.Activation("softmax"))
        finally:
            keras.mixed_precision.set_global_policy("float32")
    return make


def any_size():
    return sequential(L.Rescaling(1 / 255), L.Conv2D(8, 3, strides=2, activation="relu"), L.Conv2D(12, 3, activation="relu"),
                      L.GlobalAveragePooling2D(), L.Dense(CLASSES, activation="softmax"), shape=(None, None, 3))


def two_outputs():
    i = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(12, 3, strides=2, activation="relu")(L.Rescaling(1 / 255)(i))
    g = L.GlobalAveragePooling2D()(x)
    return keras.Model(i, {"probs": L.Dense(CLASSES, activation="softmax")(g), "embedding": g})


def residual():
    """Blocks with a shortcut, as ResNet's: a ReLU whose gradient comes from two sides."""
    i = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(8, 5, strides=2, padding="same", activation="relu")(L.Rescaling(1 / 255)(i))
    x = L.MaxPooling2D(3, 2, padding="same")(x)
    for filters, step in ((8, 1), (16, 2), (16, 1)):
        y = L.ReLU()(L.BatchNormalization()(L.Conv2D(filters, 3, strides=step, padding="same", use_bias=False)(x)))
        y = L.BatchNormalization()(L.Conv2D(filters, 3, padding="same", use_bias=False)(y))
        x = x if x.shape == y.shape else L.BatchNormalization()(L.Conv2D(filters, 1, strides=step, use_bias=False)(x))
        x = L.Activation("relu")(L.Add()([x, y]))
    return keras.Model(i, L.Dense(CLASSES)(L.Dense(12, activation="relu")(L.GlobalAveragePooling2D()(x))))


def bytes_in():
    return sequential(L.Rescaling(1 / 255), L.Conv2D(8, 3, strides=2, activation="relu"), L.GlobalAveragePooling2D(),
                      L.Dense(CLASSES, activation="softmax"), dtype="uint8")


def channels_first():
    return sequential(L.Permute((2, 3, 1)), L.Rescaling(1 / 255), L.Conv2D(8, 3, strides=2, activation="relu"), L.GlobalAveragePooling2D(),
                      L.Dense(CLASSES, activation="softmax"), shape=(3, SIZE, SIZE))


def of_format(first):
    """Keras's layers in a format of theirs; the weights are the same in both."""
    k, axis = (dict(data_format="channels_first"), 1) if first else (dict(data_format="channels_last"), -1)
    i = keras.Input((3, SIZE, 40) if first else (SIZE, 40, 3))
    x = L.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="c1", **k)(L.Rescaling(1 / 255)(i))
    x = L.BatchNormalization(axis=axis, name="norm")(x)
    x = L.Add(name="sum")([x, L.DepthwiseConv2D(3, padding="same", name="depth", **k)(x)])
    s = L.Conv2D(8, 1, activation="sigmoid", name="gate", **k)(L.GlobalAveragePooling2D(keepdims=True, **k)(x))
    x = L.Multiply(name="gated")([x, s])
    x = L.Concatenate(axis=axis, name="both")([L.MaxPooling2D(2, name="max", **k)(x), L.AveragePooling2D(2, name="mean", **k)(x)])
    x = L.Conv2DTranspose(12, 3, strides=2, padding="same", activation="relu", name="up", **k)(x)
    x = L.Conv2D(12, 3, activation="relu", name="c2", **k)(L.ZeroPadding2D(1, **k)(x))
    return keras.Model(i, L.Dense(CLASSES, activation="softmax")(L.GlobalAveragePooling2D(**k)(x)))


def nchw():
    """What is exported is channels first; Python computes no such convolution on a processor, but its twin."""
    return of_format(False)


def gray():
    return sequential(L.Rescaling(1 / 255), L.Conv2D(8, 3, strides=2, activation="relu"), L.GlobalAveragePooling2D(),
                      L.Dense(CLASSES, activation="softmax"), shape=(SIZE, SIZE, 1))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.scale, self.first, self.norm = L.Rescaling(1 / 255), L.Conv2D(8, 3, activation="relu"), L.BatchNormalization()
        self.second, self.mean, self.drop, self.last = L.Conv2D(12, 3, activation="relu"), L.GlobalAveragePooling2D(), L.Dropout(0.5), L.Dense(CLASSES)

    def call(self, x, training=False):
        x = self.second(self.norm(self.first(self.scale(x)), training=training))
        return self.last(self.drop(self.mean(x), training=training))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, SIZE, SIZE, 3), "f4"))
    return model


KERAS = dict(user_seq=user_seq, user_wrong=user_seq, tf_save=plain, preprocessing=preprocessing, odd=odd, nested=nested, vit=vit, vit_class=vit_class, outer=outer,
             bfloat16=mixed("mixed_bfloat16", dtype="float32"), float16=mixed("mixed_float16", dtype="float32"),
             bfloat16_head=mixed("mixed_bfloat16"), float16_head=mixed("mixed_float16"),
             bfloat16_strided=mixed_strided("mixed_bfloat16"), float16_strided=mixed_strided("mixed_float16"),
             nchw=nchw, any_size=any_size, two_outputs=two_outputs, bytes_in=bytes_in,
             channels_first=channels_first, gray=gray, subclassed=subclassed, residual=residual,
             one_sigmoid=ending(lambda: L.Dense(1), lambda: L.Activation("sigmoid")), one_logit=ending(lambda: L.Dense(1)),
             several=ending(lambda: L.Dense(4, activation="sigmoid")))
LOOKED_AT = dict(one_sigmoid=["conv2d"], one_logit=["conv2d"], several=["conv2d"],
                 user_seq=["conv2d", "conv2d_2", "max_pooling2d_1"], preprocessing=["conv2d", "separable_conv2d", "p_re_lu"], odd=["dilated", "grouped", "last"],
                 nested=["Conv1", "block_6_expand_relu", "out_relu"], vit=["attended", "tokens"], vit_class=["before"], tf_save=["conv2d", "conv2d_1"], subclassed=["conv2d", "conv2d_1"],
                 bfloat16=["conv2d_1"], float16=["conv2d_1"], bfloat16_head=["conv2d_1"], float16_head=["conv2d_1"],
                 bfloat16_strided=["conv2d", "conv2d_1", "re_lu"], float16_strided=["conv2d", "conv2d_1", "re_lu"],
                 nchw=["c1", "norm", "depth", "sum", "gated", "max", "mean", "both", "up", "c2"],
                 residual=["conv2d", "re_lu", "activation", "re_lu_2", "activation_2"])
GUIDED = ["user_seq", "subclassed", "residual", "nested", "channels_first"]
PREPARED = dict(outer=lambda x: x / 127.5 - 1, channels_first=lambda x: tf.transpose(x, (0, 3, 1, 2)),
                gray=lambda x: tf.reduce_sum(x * [0.299, 0.587, 0.114], 3, keepdims=True))


def linear(model):
    """Has the model give logits: takes the last activation off."""
    for q in model._flatten_layers():
        if getattr(getattr(q, "activation", None), "__name__", "") in ("softmax", "sigmoid") and (isinstance(q, L.Dense) or q is model.layers[-1]):
            q.activation = keras.activations.linear
    if isinstance(model.layers[-1], L.Softmax):
        model.layers[-1].call = lambda x, mask=None: x


def gradients(folder, model, image, prepare, names):
    x = tf.constant(image)
    values, masks = {}, {}
    classes = np.argmax(answer(model, prepare(x)), 1)
    first = {q.name for q in model._flatten_layers() if getattr(q, "data_format", "") == "channels_first"}
    for q in model._flatten_layers():
        if q.name in names:
            def hooked(*a, call=q.call, name=q.name, **k):
                values[name] = tf.identity(call(*a, **k))
                if masks:
                    return values[name] * tf.cast(masks.get(name, 1), values[name].dtype)
                tape.watch(values[name])
                return values[name]
            q.call = hooked

    @tf.function  # a graph, as oscar runs it: eagerly, convolutions of 16 bits round otherwise
    def run(x):
        global tape
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            score = tf.reduce_sum(tf.reduce_max(answer(model, prepare(x)), axis=1))
        grads = {"image": tape.gradient(score, x)} | {name: tape.gradient(score, values[name]) for name in names}
        return {n + ".grad": v for n, v in grads.items()} | {n + ".values": values[n] for n in names}

    plain = run(x)
    for name, value in plain.items():
        save(folder, name, value)
    for name in names:
        shape = plain[name + ".values"].shape
        ablated = []
        for k in range(4):
            off = np.ones(shape[1:], "f4")
            np.moveaxis(off, 0 if name in first else -1, 0)[k] = 0
            if shape[1:] == (37, 32):  # the first token is none of the map's
                off[0] = 1
            masks[name] = tf.constant(off)
            z = tf.function(lambda x: answer(model, prepare(x)))(x)
            ablated.append(tf.gather(z, classes, batch_dims=1))
        del masks[name]
        save(folder, name + ".ablated", tf.stack(ablated, 1))


@tf.custom_gradient
def guided_relu(x):
    """Springenberg et al. 2014: only what is positive in the gradient goes back."""
    return tf.nn.relu(x), lambda dy: tf.where(x > 0, tf.maximum(dy, 0), 0)


@tf.custom_gradient
def guided_relu6(x):
    return tf.nn.relu6(x), lambda dy: tf.where((x > 0) & (x < 6), tf.maximum(dy, 0), 0)


def guided(folder, model, image, prepare):
    """Writes guided.npy: the gradient at the image with guided ReLUs in the model's layers."""
    rule = {"relu": guided_relu, "relu6": guided_relu6}
    undo = []
    for q in model._flatten_layers():
        activation = getattr(getattr(q, "activation", None), "__name__", "")
        if activation in rule:
            undo.append((q, "activation", q.activation))
            q.activation = rule[activation]
        elif isinstance(q, L.ReLU):
            assert q.max_value in (None, 6) and not q.negative_slope and not q.threshold
            undo.append((q, "call", q.call))
            q.call = rule["relu6" if q.max_value else "relu"]
    assert undo

    @tf.function
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = tf.reduce_sum(tf.reduce_max(answer(model, prepare(x)), axis=1))
        return tape.gradient(score, x)

    save(folder, "guided", run(tf.constant(image)))
    for q, name, was in undo:
        setattr(q, name, was)


def answer(model, x):
    """The logits; of one output those of its two classes."""
    if isinstance(model, keras.Sequential) and model.inputs[0].dtype == "uint8":
        z = x
        for q in model.layers:  # the model itself would cast the image to bytes
            z = q(z)
    else:
        z = model(x, training=False)
    z = tf.cast(z["probs"] if isinstance(z, dict) else z, tf.float32)
    return z if z.shape[1] > 1 else tf.concat([-z / 2, z / 2], 1)


def path(image):
    """The points from black to the image, and their weights (Gauss-Legendre)."""
    points, weights = np.polynomial.legendre.leggauss(20)
    return [(t + 1) / 2 * np.asarray(image, "f8") for t in points], weights / 2


def integrated(folder, logits, image):
    classes = np.argmax(logits(tf.constant(image)), 1)

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = tf.reduce_sum(tf.gather(logits(x), classes, batch_dims=1))
        return tape.gradient(score, x)

    total = sum(w * np.asarray(gradient(tf.constant(x.astype("f4"))), "f8") for x, w in zip(*path(image)))
    np.save(folder + "/integrated.npy", (image * total).astype("f4"))


def save(folder, name, value):
    np.save(f"{folder}/{name}.npy", np.asarray(tf.cast(value, tf.float32)))


def archive(model, folder, shape, dtype=tf.float32):
    a = keras.export.ExportArchive()
    a.track(model)
    a.add_endpoint("serving_default", lambda x: model(x, training=False), [tf.TensorSpec((None, *shape), dtype)])
    a.write_out(folder, verbose=False)


def keras_model(name, folder):
    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    model = KERAS[name]()
    shape = model.input_shape[1:] if name != "subclassed" else (SIZE, SIZE, 3)
    size = (shape[1:] if name == "channels_first" else shape[:2]) if name != "any_size" else (SIZE, SIZE)
    image = drawn([2, *size, 3])
    prepare = PREPARED.get(name, lambda x: x)
    dtype = tf.uint8 if name == "bytes_in" else tf.float32
    jiggle(model, prepare(drawn([8, *size, 3], 5)))
    if name == "nchw":
        exported = of_format(True)
        exported.set_weights(model.get_weights())
        archive(exported, folder + "/export", exported.input_shape[1:])
    elif name == "user_wrong":
        model.export(folder + "/export", verbose=False)
    elif name == "tf_save":
        tf.saved_model.save(model, folder + "/export")
    else:
        archive(model, folder + "/export", shape, dtype)
    save(folder, "image", image)
    call = [("output", model(image, training=False))] if name == "nchw" else list(tf.saved_model.load(folder + "/export").signatures["serving_default"](tf.cast(prepare(tf.constant(image)), dtype)).items())
    save(folder, "output", dict(call).get("probs", call[0][1]))
    if name == "user_wrong":
        return
    linear(model)
    integrated(folder, lambda x: answer(model, prepare(x)), image)
    if name in GUIDED:
        guided(folder, model, image, prepare)
    gradients(folder, model, image, prepare, LOOKED_AT.get(name, []))
    with open(folder + "/model.json", "w") as f:
        json.dump({"layers": LOOKED_AT.get(name, [])}, f)


def of_function(folder, function, image):
    """What TensorFlow says of a function from image to (logits, output)."""
    save(folder, "image", image)
    with tf.GradientTape() as tape:
        x = tf.constant(image)
        tape.watch(x)
        z, out = function(x)
        score = tf.reduce_sum(tf.reduce_max(z, axis=1))
    save(folder, "image.grad", tape.gradient(score, x))
    save(folder, "output", out)
    integrated(folder, lambda x: function(x)[0], image)
    with open(folder + "/model.json", "w") as f:
        json.dump({"layers": []}, f)


def hub(folder):
    """As TF Hub's: a condition on "training", variables without layers."""
    class Hub(tf.Module):
        def __init__(self):
            r = np.random.default_rng(0)
            v = lambda *s: tf.Variable(r.normal(0, 0.2, s).astype("f4"))
            self.kernel, self.bias, self.last = v(3, 3, 3, 16), v(16), v(16, CLASSES)
            self.gamma, self.beta = tf.Variable(np.ones(16, "f4")), v(16)
            self.mean, self.variance = v(16), tf.Variable(r.uniform(0.5, 1.5, 16).astype("f4"))

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([], tf.bool)])
        def inner(self, x, training):
            x = tf.nn.conv2d(x / 255, self.kernel, 2, "SAME") + self.bias

            def learn():
                y, mean, _ = tf.compat.v1.nn.fused_batch_norm(x, self.gamma, self.beta, is_training=True)
                self.mean.assign(0.9 * self.mean + 0.1 * mean)
                return y

            x = tf.cond(training, learn, lambda: tf.compat.v1.nn.fused_batch_norm(x, self.gamma, self.beta, self.mean, self.variance, is_training=False)[0])
            return tf.matmul(tf.reduce_mean(tf.nn.relu6(x), [1, 2]), self.last)

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], name="inputs")])
        def __call__(self, inputs):
            return {"logits": self.inner(inputs, tf.constant(False))}

    model = Hub()
    tf.saved_model.save(model, folder + "/export", signatures={"serving_default": model.__call__})
    def plainly(x):
        x = tf.nn.conv2d(x / 255, model.kernel, 2, "SAME") + model.bias
        x = (x - model.mean) * tf.math.rsqrt(model.variance + 1e-3) * model.gamma + model.beta
        z = tf.matmul(tf.reduce_mean(tf.nn.relu6(x), [1, 2]), model.last)
        return z, z
    of_function(folder, plainly, drawn([2, SIZE, SIZE, 3]))


def tf1(folder):
    """TensorFlow 1: reference variables, batch norm under a condition, LRN, old dropout."""
    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    x = drawn([2, SIZE, SIZE, 3])
    with tf.Graph().as_default() as g, v1.Session(graph=g) as s:
        image = v1.placeholder(tf.float32, [None, SIZE, SIZE, 3], name="input")
        keep, training = v1.placeholder_with_default(1.0, []), v1.placeholder_with_default(False, [])
        r = np.random.default_rng(0)
        with v1.variable_scope("net", use_resource=False):
            def variable(name, value):
                return v1.get_variable(name, initializer=tf.constant(value.astype("f4")))
            y = tf.nn.relu(tf.nn.conv2d(image / 255.0, variable("conv1/w", r.normal(0, 0.1, (5, 5, 3, 16))), 2, "SAME", name="conv1/conv"), name="conv1/relu")
            y = tf.nn.max_pool2d(tf.nn.lrn(y, 4, bias=1.0, alpha=0.5, beta=0.75, name="norm1"), 3, 2, "SAME", name="pool1")
            y = tf.nn.conv2d(y, variable("conv2/w", r.normal(0, 0.1, (3, 3, 16, 16))), 1, "SAME", name="conv2/conv")
            norm = [variable("bn/" + n, v) for n, v in (("g", r.uniform(0.5, 1.5, 16)), ("b", r.normal(0, 0.1, 16)), ("m", r.normal(0, 0.1, 16)), ("v", r.uniform(0.5, 1.5, 16)))]
            y = v1.cond(training, lambda: v1.nn.fused_batch_norm(y, *norm[:2], is_training=True)[0], lambda: v1.nn.fused_batch_norm(y, *norm, is_training=False)[0])
            y = v1.nn.dropout(tf.reduce_mean(tf.nn.relu(y, name="conv2/relu"), [1, 2]), keep_prob=keep)
            z = tf.matmul(y, variable("fc/w", r.normal(0, 0.3, (16, CLASSES))), name="logits")
            p = tf.nn.softmax(z, name="prob")
        s.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(s, folder + "/export", {"image": image}, {"probabilities": p})
        of_class = tf.gradients(z * tf.one_hot(tf.constant(s.run(tf.argmax(z, 1), {image: x})), CLASSES), image)[0]
        total = sum(w * s.run(of_class, {image: at}).astype("f8") for at, w in zip(*path(x)))
        grad, conv, conv_grad, out = s.run([tf.gradients(tf.reduce_max(z, 1), image)[0], g.get_tensor_by_name("net/conv1/relu:0"),
                                            tf.gradients(tf.reduce_max(z, 1), g.get_tensor_by_name("net/conv1/relu:0"))[0], p], {image: x})
        of_conv = lambda k: s.run(z, {image: x, g.get_tensor_by_name("net/conv1/relu:0"): conv * (np.arange(16) != k)})
        ablated = np.stack([np.take_along_axis(of_conv(k), out.argmax(1)[:, None], 1)[:, 0] for k in range(4)], 1)
    v1.enable_control_flow_v2()
    for name, value in {"conv1.ablated": ablated, "image": x, "image.grad": grad, "output": out, "conv1.values": conv, "conv1.grad": conv_grad, "integrated": x * total}.items():
        save(folder, name, value)
    with open(folder + "/model.json", "w") as f:
        json.dump({"layers": ["conv1"]}, f)


def of_batch(folder):
    """Uses the statistics of the batch, and assigns nothing."""
    class Model(tf.Module):
        def __init__(self):
            r = np.random.default_rng(0)
            self.kernel, self.last = (tf.Variable(r.normal(0, 0.2, s).astype("f4")) for s in ((3, 3, 3, 16), (16, CLASSES)))

        @tf.function(input_signature=[tf.TensorSpec([None, SIZE, SIZE, 3], name="inputs")])
        def __call__(self, inputs):
            x = tf.nn.conv2d(inputs / 255, self.kernel, 2, "SAME")
            mean, variance = tf.nn.moments(x, [0, 1, 2])
            return {"logits": tf.matmul(tf.reduce_mean(tf.nn.relu((x - mean) * tf.math.rsqrt(variance)), [1, 2]), self.last)}

    model = Model()
    tf.saved_model.save(model, folder + "/export", signatures={"serving_default": model.__call__})


def one_image(folder):
    """Takes one image at a time, and does not scale it."""
    class Model(tf.Module):
        def __init__(self):
            r = np.random.default_rng(0)
            self.kernel, self.last = (tf.Variable(r.normal(0, 0.2, s).astype("f4")) for s in ((3, 3, 3, 16), (16, CLASSES)))

        @tf.function(input_signature=[tf.TensorSpec([1, SIZE, SIZE, 3], name="inputs")])
        def __call__(self, inputs):
            x = tf.nn.relu(tf.nn.conv2d(inputs, self.kernel, 2, "SAME"))
            return {"logits": tf.matmul(tf.reshape(tf.reduce_mean(x, [1, 2]), [1, 16]), self.last)}

    model = Model()
    tf.saved_model.save(model, folder + "/export", signatures={"serving_default": model.__call__})


FUNCTIONS = dict(hub=hub, tf1=tf1, of_batch=of_batch, one_image=one_image)


def main():
    out = sys.argv[1]
    for name in sys.argv[2:] or [*KERAS, *FUNCTIONS, "operations"]:
        print(name, flush=True)
        folder = os.path.join(out, name)
        os.makedirs(folder)
        if name in KERAS:
            keras_model(name, folder)
        elif name in FUNCTIONS:
            FUNCTIONS[name](folder)
        else:
            import operations
            operations.make(folder)


if __name__ == "__main__":
    main()
