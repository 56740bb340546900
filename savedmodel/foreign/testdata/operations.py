"""One small model for each operation: is its gradient right?"""

import json

import numpy as np
import tensorflow as tf

R = tf.raw_ops
r = np.random.default_rng(0)
PADS = [0, 0, 1, 2, 2, 1, 0, 0]
SIZE, CHANNELS = 16, 8


def w(*shape):
    return tf.constant(r.normal(0, 0.3, shape).astype("f4"))


stem, kernel, depthwise, tail, head = w(3, 3, 3, CHANNELS), w(3, 3, 8, 8), w(3, 3, 8, 1), w(3, 3, 8, 8), w(8, 5)
gamma, beta, mean, variance = tf.constant(r.uniform(0.5, 1.5, 8).astype("f4")), w(8), w(8), tf.constant(r.uniform(0.5, 1.5, 8).astype("f4"))
norm = dict(scale=gamma, offset=beta, mean=mean, variance=variance, epsilon=1e-3)
grouped, square, ones = w(3, 3, 4, 8), w(8, 8), w(3, 3, 1, 8)


def holes(k, rows, columns):
    """A dilated kernel as a plain one."""
    out = np.zeros(((k.shape[0] - 1) * rows + 1, (k.shape[1] - 1) * columns + 1, *k.shape[2:]), "f4")
    out[::rows, ::columns] = k
    return tf.constant(out)


def diagonal(k):
    """The kernel [h,w,c,c] of a depthwise convolution by k [h,w,c]."""
    return k[..., None] * np.eye(k.shape[-1], dtype="f4")


def halves(k):
    return np.split(k.numpy(), 2, 3)


def of(w, y):
    """A constant of a map's type."""
    return tf.cast(w, y.dtype)


def nchw(f):
    return lambda y: tf.transpose(f(tf.transpose(y, (0, 3, 1, 2))), (0, 2, 3, 1))


# name: (the operation on a map y [N,16,16,8] above zero, what it is to be compared
# with, if not with itself: Python has some gradients wrong, or none)
CASES = dict(
    conv_dilated_same=(lambda y: R.Conv2D(input=y, filter=kernel, strides=[1] * 4, padding="SAME", dilations=[1, 2, 2, 1]),
                       lambda y: tf.nn.conv2d(y, holes(kernel, 2, 2), 1, "SAME")),
    conv_dilated_valid=(lambda y: R.Conv2D(input=y, filter=kernel, strides=[1] * 4, padding="VALID", dilations=[1, 2, 3, 1]),
                        lambda y: tf.nn.conv2d(y, holes(kernel, 2, 3), 1, "VALID")),
    conv_explicit=(lambda y: R.Conv2D(input=y, filter=kernel, strides=[1, 2, 2, 1], padding="EXPLICIT", explicit_paddings=PADS),
                   lambda y: tf.nn.conv2d(tf.pad(y, [[0, 0], [1, 2], [2, 1], [0, 0]]), kernel, 2, "VALID")),
    conv_grouped=(lambda y: R.Conv2D(input=y, filter=grouped, strides=[1] * 4, padding="SAME"),
                  lambda y: tf.concat([tf.nn.conv2d(p, k, 1, "SAME") for p, k in zip(tf.split(y, 2, 3), halves(grouped))], 3)),
    conv_groups_of_one=(lambda y: R.Conv2D(input=y, filter=ones, strides=[1] * 4, padding="EXPLICIT", explicit_paddings=PADS, dilations=[1, 2, 2, 1]),
                        lambda y: tf.nn.conv2d(tf.pad(y, [[0, 0], [1, 2], [2, 1], [0, 0]]), holes(diagonal(ones.numpy()[:, :, 0]), 2, 2), 1, "VALID")),
    conv_groups_dilated=(lambda y: R.Conv2D(input=y, filter=grouped, strides=[1] * 4, padding="VALID", dilations=[1, 2, 2, 1]),
                         lambda y: tf.concat([tf.nn.conv2d(p, holes(k, 2, 2), 1, "VALID") for p, k in zip(tf.split(y, 2, 3), halves(grouped))], 3)),
    maxpool_explicit=(lambda y: R.MaxPool(input=y, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="EXPLICIT", explicit_paddings=PADS),
                      lambda y: tf.nn.max_pool2d(tf.pad(y, [[0, 0], [1, 2], [2, 1], [0, 0]], constant_values=-1e30), 3, 2, "VALID")),
    depthwise_dilated=(lambda y: R.DepthwiseConv2dNative(input=y, filter=depthwise, strides=[1] * 4, padding="SAME", dilations=[1, 2, 2, 1]),
                       lambda y: tf.nn.conv2d(y, holes(diagonal(depthwise.numpy()[..., 0]), 2, 2), 1, "SAME")),
    depthwise_explicit=(lambda y: R.DepthwiseConv2dNative(input=y, filter=depthwise, strides=[1, 2, 2, 1], padding="EXPLICIT", explicit_paddings=PADS),
                        lambda y: R.DepthwiseConv2dNative(input=tf.pad(y, [[0, 0], [1, 2], [2, 1], [0, 0]]), filter=depthwise, strides=[1, 2, 2, 1], padding="VALID")),
    depthwise_same=(lambda y: R.DepthwiseConv2dNative(input=y, filter=of(depthwise, y), strides=[1, 2, 2, 1], padding="SAME"),),
    lrn=(lambda y: R.LRN(input=y, depth_radius=2, bias=2.0, alpha=0.1, beta=0.75),),
    lrn_default=(lambda y: R.LRN(input=y),),
    batchnorm1=(lambda y: R.FusedBatchNorm(x=y, is_training=False, **norm)[0], lambda y: R.FusedBatchNormV3(x=y, is_training=False, **norm)[0]),
    batchnorm2=(lambda y: R.FusedBatchNormV2(x=y, is_training=False, **norm)[0], lambda y: R.FusedBatchNormV3(x=y, is_training=False, **norm)[0]),
    batchnorm3=(lambda y: R.FusedBatchNormV3(x=y, is_training=False, **norm)[0],),
    logsoftmax=(tf.nn.log_softmax,),
    softmax=(tf.nn.softmax,),
    erfc=(lambda y: tf.math.erfc(y - 1),),
    gelu_tanh=(lambda y: tf.nn.gelu(y - 1, approximate=True),),
    gelu=(lambda y: tf.nn.gelu(y - 1),),
    silu=(lambda y: tf.nn.silu(y - 1),),
    relu6=(lambda y: tf.nn.relu6(3 * y),),
    selu=(lambda y: tf.nn.selu(y - 1),),
    elu=(lambda y: tf.nn.elu(y - 1),),
    softsign=(lambda y: tf.nn.softsign(y - 1),),
    softplus=(lambda y: tf.nn.softplus(y - 1),),
    leaky=(lambda y: tf.nn.leaky_relu(y - 1, 0.1),),
    crelu=(lambda y: tf.nn.crelu(y - 1)[..., :8],),
    where=(lambda y: tf.where(y > 1, y, 0.2 * y),),
    select=(lambda y: R.Select(condition=y > 1, x=y, y=0.2 * y),),
    patches=(lambda y: tf.image.extract_patches(y, [1, 2, 2, 1], [1, 2, 2, 1], [1] * 4, "VALID")[..., :8],),
    patches_overlap=(lambda y: tf.image.extract_patches(y, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")[..., :8],),
    resize_bilinear=(lambda y: tf.image.resize(y, (13, 13)),),
    resize_corners=(lambda y: R.ResizeBilinear(images=y, size=(13, 13), align_corners=True),),
    resize_nearest=(lambda y: tf.image.resize(y, (32, 32), "nearest"),),
    resize_antialias=(lambda y: tf.image.resize(y, (9, 9), antialias=True),),
    resize_bicubic=(lambda y: tf.image.resize(y, (13, 13), "bicubic"),),
    einsum=(lambda y: tf.einsum("bhwc,cd->bhwd", y, of(square, y)),),
    attention=(lambda y: tf.matmul(tf.nn.softmax(tf.matmul(tf.reshape(y, [-1, 256, 8]), tf.reshape(y, [-1, 256, 8]), transpose_b=True)), tf.reshape(y, [-1, 256, 8])),),
    matmul=(lambda y: tf.reshape(tf.matmul(tf.reshape(y, [-1, 8]), of(square, y), transpose_b=True), [-1, SIZE, SIZE, 8]),),
    space_depth=(lambda y: tf.nn.depth_to_space(tf.nn.space_to_depth(y, 2), 2) ** 2,),
    space_batch=(lambda y: tf.batch_to_space(tf.square(tf.space_to_batch(y, [2, 2], [[0, 0], [0, 0]])), [2, 2], [[0, 0], [0, 0]]),),
    roll=(lambda y: tf.roll(y, [3, 3], [1, 2]),),
    reverse=(lambda y: tf.reverse(y, [1]),),
    moments=(lambda y: (y - tf.nn.moments(y, [-1], keepdims=True)[0]) * tf.math.rsqrt(tf.nn.moments(y, [-1], keepdims=True)[1] + 1e-3),),
    squared_difference=(lambda y: tf.math.squared_difference(y, 1.5),),
    l2norm=(lambda y: tf.nn.l2_normalize(y, -1),),
    l2loss=(lambda y: y * tf.nn.l2_loss(y) / 1000,),
    cumsum=(lambda y: tf.cumsum(y, 1),),
    maxpool_argmax=(lambda y: tf.nn.max_pool_with_argmax(y, 2, 2, "SAME")[0],),
    maxpool=(lambda y: tf.nn.max_pool2d(y, 3, 2, "VALID"),),
    avgpool=(lambda y: tf.nn.avg_pool2d(y, 3, 2, "SAME"),),
    transposed=(lambda y: tf.nn.conv2d_transpose(y, of(kernel, y), [tf.shape(y)[0], 32, 32, 8], 2, "SAME"),),
    mirror_pad=(lambda y: tf.pad(y, [[0, 0], [1, 2], [1, 2], [0, 0]], "REFLECT"),),
    pad_value=(lambda y: tf.pad(y, [[0, 0], [1, 2], [1, 2], [0, 0]], constant_values=0.5),),
    pad=(lambda y: tf.pad(y, [[0, 0], [1, 2], [1, 2], [0, 0]]),),
    gather=(lambda y: tf.gather(y, [3, 1, 2, 0, 7, 6, 5, 4], axis=-1),),
    gather_rows=(lambda y: tf.gather(y, [3, 1, 2, 0], axis=1),),
    gather_nd=(lambda y: tf.transpose(tf.gather_nd(tf.transpose(y, (1, 0, 2, 3)), [[0], [2], [5], [2]]), (1, 0, 2, 3)),),
    split=(lambda y: tf.concat(tf.split(y, 2, -1)[::-1], -1),),
    split_sizes=(lambda y: tf.concat(tf.split(y, [3, 5], -1)[::-1], -1),),
    unstack=(lambda y: tf.stack(tf.unstack(y, axis=-1)[::-1], -1),),
    tile=(lambda y: tf.tile(y, [1, 2, 1, 1]),),
    broadcast=(lambda y: tf.broadcast_to(tf.reduce_mean(y, 1, keepdims=True), tf.shape(y)) * y,),
    squeeze=(lambda y: tf.squeeze(tf.expand_dims(y, 1), 1) * 2,),
    slices=(lambda y: y[:, 1:9:2, ::-1],),
    slice=(lambda y: tf.slice(y, [0, 1, 2, 0], [-1, 9, 7, -1]),),
    prod=(lambda y: y / (1 + tf.reduce_prod(1 + y[..., :2], -1, keepdims=True)),),
    extremes=(lambda y: y * tf.reduce_max(y, [1, 2], keepdims=True) - tf.reduce_min(y, -1, keepdims=True),),
    logsumexp=(lambda y: y - tf.reduce_logsumexp(y, -1, keepdims=True),),
    log1p=(lambda y: tf.math.log1p(y) - tf.math.log(y + 0.5),),
    power=(lambda y: tf.pow(y + 0.1, 1.7) - tf.sqrt(y + 0.1) + tf.math.reciprocal(y + 1) - tf.math.reciprocal_no_nan(y + 1),),
    arithmetic=(lambda y: R.Add(x=y, y=tf.abs(y - 1)) - R.Div(x=y, y=y + 2) + tf.math.divide_no_nan(y, y + 3) - tf.add_n([y, tf.square(y), -y]),),
    sigmoid_tanh=(lambda y: tf.sigmoid(y) * tf.tanh(y) * tf.math.erf(y),),
    sqrt=(lambda y: tf.sqrt(y + 0.1),),
    transpose=(lambda y: tf.transpose(y, (0, 2, 1, 3)),),
    clip=(lambda y: tf.clip_by_value(y, 0.2, 1.0),),
    floor=(lambda y: y - tf.math.floor(y),),
    sign=(lambda y: y * tf.sign(y - 1),),
    zeros=(lambda y: y * R.ZerosLike(x=y) + y,),
    ones=(lambda y: y * R.OnesLike(x=y),),
    stopped=(lambda y: y * tf.stop_gradient(tf.sigmoid(y)),),
    halves=(lambda y: tf.cast(tf.cast(y, tf.float64), tf.float32),),
    embedded=(None,),  # reads rows of a variable, see make
    identities=(lambda y: tf.debugging.check_numerics(tf.ensure_shape(tf.identity_n([y])[0], [None, SIZE, SIZE, 8]), "y"),),
    nchw_conv=(nchw(lambda y: R.Conv2D(input=y, filter=kernel, strides=[1, 1, 2, 2], padding="SAME", data_format="NCHW")), lambda y: tf.nn.conv2d(y, kernel, 2, "SAME")),
    nchw_pool=(nchw(lambda y: R.MaxPool(input=y, ksize=[1, 1, 3, 3], strides=[1, 1, 2, 2], padding="SAME", data_format="NCHW")), lambda y: tf.nn.max_pool2d(y, 3, 2, "SAME")),
    nchw_norm=(nchw(lambda y: R.FusedBatchNormV3(x=y, is_training=False, data_format="NCHW", **norm)[0]), lambda y: R.FusedBatchNormV3(x=y, is_training=False, **norm)[0]),
    nchw_bias=(nchw(lambda y: R.BiasAdd(value=y, bias=beta, data_format="NCHW") ** 2), lambda y: (y + beta) ** 2),
)
# Those that are compared in 16 bits, too, each as bfloat16_NAME and float16_NAME.
IN_16_BITS = """depthwise_same softmax gelu gelu_tanh silu relu6 selu elu softsign softplus leaky crelu where einsum matmul sqrt transpose
    space_depth reverse moments squared_difference l2norm avgpool transposed mirror_pad pad_value pad gather split split_sizes unstack tile broadcast
    squeeze slices slice extremes logsumexp log1p arithmetic sigmoid_tanh clip zeros stopped""".split()


def in_16_bits(f, dtype):
    return lambda y: tf.cast(f(tf.cast(y, dtype)), tf.float32)


for name in IN_16_BITS:
    CASES["bfloat16_" + name] = (in_16_bits(CASES[name][0], tf.bfloat16),)
    CASES["float16_" + name] = (in_16_bits(CASES[name][0], tf.float16),)
# These give predictions and no gradients.
REFUSED = dict(
    ceil=lambda y: y - tf.math.ceil(y),
    round=lambda y: y - tf.math.round(y),
    rint=lambda y: y - tf.math.rint(y),
    top_k=lambda y: tf.math.top_k(y, 8)[0],
    xlogy=lambda y: tf.math.xlogy(y, y + 1),
    fake_quant=lambda y: tf.quantization.fake_quant_with_min_max_args(y, -6, 6),
    conv3d=lambda y: tf.nn.conv3d(y[:, None], kernel[None], [1] * 5, "SAME")[:, 0],
    area=lambda y: tf.image.resize(y, (8, 8), "area"),
    scatter=lambda y: tf.tensor_scatter_nd_update(y, [[0, 0, 0, 0]], [0.0]),
    loop=lambda y: tf.map_fn(lambda q: q * 2, y),
    # the library has no kernel for the gradient of a float16 product of matrices in batches
    bfloat16_attention=in_16_bits(CASES["attention"][0], tf.bfloat16),
    float16_gather_nd=in_16_bits(CASES["gather_nd"][0], tf.float16),
    float16_attention=in_16_bits(CASES["attention"][0], tf.float16),
)


def logits(x, f):
    y = f(tf.nn.relu(tf.nn.conv2d(x / 128, stem, 1, "SAME")) + 0.01)
    y = tf.reshape(y, [-1, SIZE, SIZE, 8]) if len(y.shape) == 3 else y
    return tf.matmul(tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(y, tail, 1, "SAME")), [1, 2]), head)


def called(f):
    """A function of images that gives the logits with f in the middle."""
    return tf.function(lambda x: {"logits": logits(x, f)}, input_signature=[tf.TensorSpec([None, SIZE, SIZE, 3], name="x")], autograph=False)


def make(folder):
    x = np.floor(r.uniform(0, 255, (2, SIZE, SIZE, 3))).astype("f4")
    np.save(folder + "/image.npy", x)
    module, signatures = tf.Module(), {}
    variables = []
    for name, f in {**{k: c[0] for k, c in CASES.items()}, **REFUSED}.items():
        if name == "embedded":
            table = tf.Variable(w(5, 8))
            variables.append(table)
            f = lambda y, table=table: tf.gather(table, tf.argmax(y[..., :5], -1)) * y
            CASES[name] = (f, f)
        signatures[name] = called(f)
        setattr(module, name, signatures[name])
    module.variables_kept = variables
    tf.saved_model.save(module, folder + "/export", signatures=signatures)
    for name, case in CASES.items():
        same = called(case[-1])
        with tf.GradientTape() as tape:
            v = tf.constant(x)
            tape.watch(v)
            z = same(v)["logits"]
            score = tf.reduce_sum(tf.reduce_max(z, 1))
        try:
            z = signatures[name](v)["logits"]
        except tf.errors.OpError:  # Python runs no [N,C,H,W] on a processor
            pass
        np.save(f"{folder}/{name}.output.npy", z.numpy())
        np.save(f"{folder}/{name}.grad.npy", tape.gradient(score, v).numpy())
    with open(folder + "/cases.json", "w") as f:
        json.dump({"compared": list(CASES), "refused": list(REFUSED)}, f)
