#!/usr/bin/env python3
"""Writes testdata/*.json beside this file: what zennit and Captum make of small
residual networks, for the tests of package tfmodel. `make oracles` runs it.

The networks are given as oscar's architectures, with random weights in oscar's
layout, for raw pixels 0..255:

  scaled   rescaling before the first convolution, which PyTorch is given merged;
           a block with an identity and one with a projection
  padded   zero padding before the first convolution, which PyTorch's convolution
           does itself; a block within a block, and one that begins with a ReLU

Convolutions have no bias where normalization follows, which zennit's canonizer
merges. The branches of a block meet in zennit's Sum, whose rule is Norm. PyTorch
computes in float64. Composites are those of oracles/lrp.
"""

import datetime
import importlib.metadata
import json
import pathlib
import platform
import sys

import captum.attr
import torch
from torch import nn
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.layer import Sum

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "lrp"))
from signals import composite_table  # noqa: E402

CLASSES = 4
BN_EPSILON = 1e-3  # oscar's
NO_EPSILON = 1e-12  # see oracles/lrp/make.py


def layer(name, kind, **settings):
    return {"name": name, "kind": kind, **settings}


def conv(name, filters, kernel, stride=1, padding="SAME", bias=False):
    settings = {} if bias else {"use_bias": False}
    return layer(name, "conv2d", filters=filters, kernel=kernel, stride=stride, padding=padding, **settings)


def bn(name):
    return layer(name, "batch_normalization")


def relu(name):
    return layer(name, "relu")


def block(name, body, shortcut=()):
    settings = {"shortcut": list(shortcut)} if shortcut else {}
    return layer(name, "residual", body=body, **settings)


# Images are odd-sized where a stride of 2 is SAME: there PyTorch pads as TensorFlow.
# "inner" are layers, with where they are looked at if that is elsewhere.
NETS = {
    "scaled": {
        "seed": 6, "inner": {"block1": "relu_block1", "block1/relu1": None, "block2/conv1": None, "block2/conv0": None},
        "architecture": {"name": "scaled", "input": [10, 12, 3], "layers": [
            layer("scale", "rescaling", scale=1 / 127.5, offset=-1),
            conv("conv1", 4, 2, padding="VALID"), bn("bn1"), relu("relu1"),
            block("block1", [conv("conv1", 4, 3), bn("bn1"), relu("relu1"), conv("conv2", 4, 3), bn("bn2")]),
            relu("relu_block1"),
            block("block2", [conv("conv1", 6, 3, 2), bn("bn1"), relu("relu1"), conv("conv2", 6, 3, bias=True)],
                  [conv("conv0", 6, 1, 2), bn("bn0")]),
            relu("relu_block2"),
            layer("gap", "global_average_pool2d"), layer("fc", "dense", units=CLASSES),
        ]},
    },
    "padded": {
        "seed": 7, "inner": {"block1": None, "block1/inner": None, "block1/inner/conv": None, "block2/relu": None},
        "architecture": {"name": "padded", "input": [9, 9, 3], "layers": [
            layer("pad", "zero_padding2d", size=2),
            conv("conv1", 4, 5, 2, padding="VALID", bias=True), relu("relu1"),
            block("block1", [block("inner", [conv("conv", 4, 3), bn("bn"), relu("relu")]), conv("conv", 4, 3, bias=True)]),
            block("block2", [relu("relu"), conv("conv", 4, 3, bias=True)]),
            relu("relu_block2"),
            layer("flatten", "flatten"), layer("fc", "dense", units=CLASSES),
        ]},
    },
}  # fmt: skip


def normal(*shape, scale=1.0):
    """Random values that float32 holds, so that both sides have the same."""
    return (scale * torch.randn(*shape)).float().double()


class Block(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut, self.sum = body, shortcut, Sum()

    def forward(self, x):
        # Captum's guided backpropagation takes the whole gradient of a ReLU's
        # input for what came through the ReLU: the body gets a copy.
        body, shortcut = self.body(x.clone()), self.shortcut(x)
        return self.sum(torch.stack([body, shortcut], dim=-1))


class Net:
    """An architecture as a PyTorch module, and its weights in oscar's layout."""

    def __init__(self, architecture):
        self.weights, self.modules = {}, {}
        self.scale, self.offset, self.padding, self.flattened = 1, 0, None, None
        height, width, channels = architecture["input"]
        self.net, _ = self.chain(architecture["layers"], (channels, height, width), "")
        self.net.eval()

    def chain(self, described, size, prefix):
        made = []
        for l in described:
            module = self.make(l, size, prefix + l["name"])
            if module is None:
                if l["kind"] == "zero_padding2d":
                    size = (size[0], size[1] + 2 * l["size"], size[2] + 2 * l["size"])
                continue
            self.modules[prefix + l["name"]] = module
            made.append(module)
            pad = self.padding or 0
            like = torch.zeros(1, size[0], *(n - 2 * pad for n in size[1:])) if len(size) == 3 else torch.zeros(1, *size)
            size, self.padding = tuple(module.eval()(like).shape[1:]), None
        return nn.Sequential(*made), size

    def make(self, l, size, name):
        kind = l["kind"]
        if kind == "residual":
            body, _ = self.chain(l["body"], size, name + "/")
            shortcut, _ = self.chain(l.get("shortcut", []), size, name + "/")
            return Block(body, shortcut)
        if kind == "rescaling":
            self.scale, self.offset = l["scale"], l["offset"]
            return None
        if kind == "zero_padding2d":
            self.padding = l["size"]
            return None
        if kind == "conv2d":
            k = l["kernel"]
            padding = k // 2 if l["padding"] == "SAME" else self.padding or 0
            m = nn.Conv2d(size[0], l["filters"], k, l["stride"], padding=padding)
            raw = name == "conv1" and self.scale == 1  # sees pixels up to 255
            m.weight.data = normal(*m.weight.shape, scale=(2 / (k * k * size[0])) ** 0.5 / (50 if raw else 1))
            self.weights[f"{name}/kernel"] = m.weight.data.permute(2, 3, 1, 0)
            m.bias.data = torch.zeros(l["filters"])
            if l.get("use_bias", True):
                m.bias.data = normal(l["filters"], scale=0.2)
                self.weights[f"{name}/bias"] = m.bias.data
            if self.scale != 1:  # merged: the bias takes what the offset adds to each window
                assert padding == 0
                m.bias.data = m.bias.data + self.offset * m.weight.data.flatten(1).sum(1)
                m.weight.data = self.scale * m.weight.data
                self.scale = 1
            return m
        if kind == "dense":
            m = nn.Linear(size[0], l["units"])
            m.weight.data, m.bias.data = normal(*m.weight.shape, scale=size[0] ** -0.5), normal(l["units"], scale=0.2)
            w = m.weight.data
            if self.flattened:  # as oscar flattens: height, width, channel
                w = w.reshape(-1, *self.flattened).permute(0, 2, 3, 1).reshape(len(w), -1)
            self.weights[f"{name}/kernel"], self.weights[f"{name}/bias"] = w.T, m.bias.data
            return m
        if kind == "batch_normalization":
            m, c = nn.BatchNorm2d(size[0], eps=NO_EPSILON), size[0]
            for role, tensor, value in [
                ("gamma", m.weight, 1 + normal(c, scale=0.3)), ("beta", m.bias, normal(c, scale=0.3)),
                ("moving_mean", m.running_mean, normal(c, scale=0.3)),
                ("moving_variance", m.running_var, 0.3 + normal(c) ** 2),
            ]:  # fmt: skip
                self.weights[f"{name}/{role}"] = value.float().double()
                tensor.data = value.float().double().clone()
            m.running_var += BN_EPSILON
            return m
        if kind == "flatten":
            self.flattened = size
        return {
            "relu": nn.ReLU, "flatten": nn.Flatten,
            "global_average_pool2d": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        }[kind]()  # fmt: skip


def channels_last(t):
    """[N,C,H,W] -> [N,H,W,C]."""
    return t.permute(0, 2, 3, 1)


def numbers(t, digits=7):
    return [float(f"%.{digits}g" % v) for v in t.detach().reshape(-1).tolist()]


def relevance(made, composite, images, targets, inner):
    """Relevance at the images and at the outputs of inner modules."""
    held, hooks = {}, []
    x = images.clone().requires_grad_()
    with composite.context(made.net) as modified:
        for name in inner:
            hooks.append(made.modules[name].register_forward_hook(lambda _, i, out, name=name: held.setdefault(name, out)))
        out = modified(x)
        start = torch.zeros_like(out)
        for i, t in enumerate(targets):
            start[i, t] = out[i, t].detach()
        signals = torch.autograd.grad(out, [x, *held.values()], start)
    for hook in hooks:
        hook.remove()
    return signals[0], dict(zip(held, signals[1:]))


def make(name, spec):
    torch.manual_seed(spec["seed"])
    made = Net(spec["architecture"])
    weights = {key: numbers(w, 9) for key, w in made.weights.items()}
    height, width, channels = spec["architecture"]["input"]
    images = torch.randint(0, 256, (3, channels, height, width)).to(torch.float64)
    logits = made.net(images).detach()
    order = logits.argsort(dim=1)
    targets = [int(order[i, rank]) for i, rank in enumerate([3, 1, 3])]
    table = {}
    for key, build in composite_table().items():
        inner = {l: at or l for l, at in spec["inner"].items()}
        at_image, at = relevance(made, build([SequentialMergeBatchNorm()]), images, targets, inner.values())
        table[key] = {"": numbers(channels_last(at_image))}
        if key == "epsilon" or key.startswith("epsilon_"):
            table[key].update({l: numbers(channels_last(at[where])) for l, where in inner.items()})
    x = images.clone().requires_grad_()
    ours = {
        "gradient": captum.attr.Saliency(made.net).attribute(x, target=targets, abs=False),
        "guided": captum.attr.GuidedBackprop(made.net).attribute(x, target=targets),
    }
    for key, t in ours.items():
        table[key] = {"": numbers(channels_last(t))}
    return {
        "made": {
            "script": "oracles/residual/make.py", "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            **{p: importlib.metadata.version(p) for p in ("zennit", "captum", "torch")},
        },
        "architecture": spec["architecture"], "weights": weights,
        "images": [int(v) for v in channels_last(images).reshape(-1)],
        "targets": targets, "logits": numbers(logits), "signals": table,
    }  # fmt: skip


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    folder = HERE / "testdata"
    folder.mkdir(exist_ok=True)
    for name, spec in NETS.items():
        text = json.dumps(make(name, spec), separators=(",", ":"))
        for part in ('"architecture":', '"weights":', '"images":', '"targets":', '"signals":', '"":'):
            text = text.replace(part, "\n" + part)
        (folder / f"{name}.json").write_text(text + "\n")


main()
