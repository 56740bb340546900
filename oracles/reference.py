"""The networks tiny and AlexNet02 in PyTorch, with weights and images by the
formula that internal/reference has in Go. Written anew from the papers and
oscar's layer tables; nothing of oscar's is run."""

import numpy as np
import torch
from torch import nn

CLASSES = 6
BN_EPSILON = 1e-3

# name, kind, and what the kind needs: filters, kernel, stride, padding; size,
# stride; units. Dropout does nothing in inference.
NETWORKS = {
    "tiny": (32, [
        ("conv1", "conv", 8, 5, 2, 0), ("relu1", "relu"), ("bn1", "bn"),
        ("conv5", "conv", 12, 3, 1, 1), ("relu5", "relu"), ("pool5", "pool", 3, 2),
        ("flatten", "flatten"), ("fc1", "dense", 16), ("relu_fc1", "relu"), ("fc3", "dense", CLASSES),
    ]),
    "alexnet02": (227, [
        ("conv1", "conv", 96, 11, 4, 0), ("relu1", "relu"), ("pool1", "pool", 3, 2), ("bn1", "bn"),
        ("conv2", "conv", 256, 5, 1, 2), ("relu2", "relu"), ("pool2", "pool", 3, 2), ("bn2", "bn"),
        ("conv5", "conv", 256, 3, 1, 1), ("relu5", "relu"), ("pool5", "pool", 3, 2), ("flatten", "flatten"),
        ("fc1", "dense", 4096), ("relu_fc1", "relu"), ("fc2", "dense", 4096), ("relu_fc2", "relu"), ("fc3", "dense", CLASSES),
    ]),
}  # fmt: skip

CHOSEN = {"tiny": [0, 1], "alexnet02": [8, 33]}  # pictures, see margin


def seed_of(name):
    """FNV-1a."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


def hashed(name, first, count):
    """SplitMix64's numbers first to first+count-1 of a name."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed_of(name)) + np.arange(first + 1, first + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return z ^ z >> np.uint64(31)


def draws(name, count, first=0):
    """Numbers from -1 to 1, of 24 bits each."""
    return ((hashed(name, first, count) >> np.uint64(40)).astype(np.int64) - 2**23) / 2**23


def parameter(name, low, high, shape, redrawn):
    """A parameter as float32 holds it, in oscar's layout."""
    count, out = int(np.prod(shape)), np.empty(int(np.prod(shape)), np.float32)
    for first in range(0, count, 1 << 22):
        last = min(first + (1 << 22), count)
        out[first:last] = low + (high - low) / 2 * (1 + draws(("redrawn " if redrawn else "") + name, last - first, first))
    return torch.tensor(out.reshape(shape)).to(torch.get_default_dtype())


def picture(k, height, width):
    """The k-th image: colored tiles with noise, whole numbers, [3,height,width]."""
    side = (height + 7) // 8
    y, x, c = np.indices((height, width, 3))
    tile = (y // side * 8 + x // side) * 3 + c
    colors = (hashed("tiles", k * 192, 192) >> np.uint64(56)) * np.uint64(3) // np.uint64(4)
    noise = hashed("noise", k * tile.size, tile.size).reshape(tile.shape) >> np.uint64(58)
    return torch.tensor((colors[tile] + noise).astype(np.int64)).to(torch.get_default_dtype()).permute(2, 0, 1)


def images(name):
    """The two of a network."""
    side, _ = NETWORKS[name]
    return torch.stack([picture(k, side, side) for k in CHOSEN[name]])


def margin(net, x):
    """How near a unit comes to a kink, as a share of the root of its layer's
    mean square: a ReLU to zero, or the largest of a pooling window to the next.
    Windows without a positive value have no gradient and do not count. First of
    the layers with positions, then of the dense ones, where each unit weighs
    more and LRP's epsilon is a kink of its own."""
    maps = dense = np.inf
    for m in net.children():
        scale = x.pow(2).mean().sqrt()
        if isinstance(m, nn.ReLU):
            near = float(x.abs().min() / scale)
            maps, dense = (min(maps, near), dense) if x.dim() == 4 else (maps, min(dense, near))
        if isinstance(m, nn.MaxPool2d):
            windows = nn.functional.unfold(x.transpose(0, 1), m.kernel_size, stride=m.stride)
            top = windows.topk(2, dim=1).values
            gaps = (top[:, 0] - top[:, 1])[top[:, 0] > 0]
            maps = min(maps, float(gaps.min() / scale))
        x = m(x)
    return maps, dense


class Flatten(nn.Module):
    """As oscar flattens: height, width, channel."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class ShiftedConv2d(nn.Conv2d):
    """A convolution whose bias is another at every position, as it is where a
    shift was merged into a convolution that pads with zeros."""

    def forward(self, x):
        return nn.functional.conv2d(x, self.weight, None, self.stride, self.padding) + self.bias


def network(name, redrawn=()):
    """The network for raw pixels, its layers by oscar's names."""
    side, layers = NETWORKS[name]
    net, size = nn.Sequential(), (3, side, side)
    for layer, kind, *settings in layers:
        module = make(layer, kind, settings, size, layer in redrawn).eval().requires_grad_(False)
        if kind == "flatten":
            size = (int(np.prod(size)),)
        elif kind != "relu" and kind != "bn":
            size = shape_after(module, size)
        net.add_module(layer, module)
    return net


def shape_after(module, size):
    if isinstance(module, nn.Linear):
        return (module.out_features,)
    k, s, p = ((v if isinstance(v, int) else v[0]) for v in (module.kernel_size, module.stride, module.padding))
    side = (size[1] + 2 * p - k) // s + 1
    return (module.out_channels if isinstance(module, nn.Conv2d) else size[0], side, side)


def make(name, kind, settings, size, redrawn):
    def get(role, low, high, *shape):
        return parameter(f"{name}/{role}", low, high, shape, redrawn)

    if kind == "conv":
        filters, kernel, stride, padding = settings
        limit = np.sqrt(6 / (kernel * kernel * size[0])) / (128 if name == "conv1" else 1)
        m = nn.utils.skip_init(nn.Conv2d, size[0], filters, kernel, stride, padding)
        m.weight.data = get("kernel", -limit, limit, kernel, kernel, size[0], filters).permute(3, 2, 0, 1).contiguous()
        m.bias.data = get("bias", -0.25, 0.25, filters)
        return m
    if kind == "dense":
        limit = np.sqrt(6 / size[0])
        m = nn.utils.skip_init(nn.Linear, size[0], settings[0])
        m.weight.data = get("kernel", -limit, limit, size[0], settings[0]).T.contiguous()
        m.bias.data = get("bias", -0.25, 0.25, settings[0])
        return m
    if kind == "bn":
        m = nn.BatchNorm2d(size[0], eps=BN_EPSILON)
        m.weight.data, m.bias.data = get("gamma", 0.75, 1.25, size[0]), get("beta", -0.25, 0.25, size[0])
        m.running_mean, m.running_var = get("moving_mean", 0.25, 0.75, size[0]), get("moving_variance", 0.25, 1.25, size[0])
        return m
    if kind == "pool":
        return nn.MaxPool2d(*settings)
    return nn.ReLU() if kind == "relu" else Flatten()


def merged(net, side):
    """The network with each batch normalization merged into the convolution
    after it: x w a + (the convolution of an image of s), where the normalization
    is a x + s."""
    out, scale, shift, size = nn.Sequential(), None, None, torch.zeros(1, 3, side, side)
    for name, m in net.named_children():
        if isinstance(m, nn.BatchNorm2d):
            scale = m.weight / (m.running_var + m.eps).sqrt()
            shift = m.bias - m.running_mean * scale
            continue
        if scale is not None:
            joined = nn.utils.skip_init(ShiftedConv2d, m.in_channels, m.out_channels, m.kernel_size, m.stride, m.padding)
            joined.weight.data = m.weight * scale[:, None, None]
            joined.bias = nn.Parameter(m(shift[:, None, None].expand(size.shape))[0])
            m, scale = joined.requires_grad_(False), None
        size = m(size)
        out.add_module(name, m)
    return out.eval()
