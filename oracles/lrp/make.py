#!/usr/bin/env python3
"""Writes testdata/*.json beside this file: what zennit and Captum make of small
networks, for the tests of package tfmodel. `make oracles` runs it.

The networks are given as oscar's architectures, with random weights in oscar's
layout, for raw pixels 0..255 (one image of three is shifted to both signs):

  plain       convolutions, ReLU, max pooling, dense
  normalized  batch normalization right after each convolution, which zennit's
              canonizer merges; average pooling
  shifted     batch normalization after pooling, as in AlexNet02: into the next
              convolution or dense layer, which zennit cannot merge and passes by.
              PyTorch is given the merged layers

PyTorch computes in float64. Relevance is zennit's, for its composites and for
each rule on all layers; or on the first, with epsilon on the others. The
signal at the layer "inner" is there for the composites. Guided backpropagation
and guided Grad-CAM (bilinear; at the layer "features") are Captum's, as are
gradients and integrated gradients (20 steps, Gauss-Legendre, from black).
"""

import datetime
import importlib.metadata
import json
import pathlib
import platform

import captum.attr
import torch
from torch import nn
from signals import composite_table, relevance
from zennit.canonizers import SequentialMergeBatchNorm

CLASSES = 4
BN_EPSILON = 1e-3  # oscar's

# zennit's canonizer leaves a merged normalization its epsilon: it still divides
# by sqrt(1 + epsilon). So PyTorch's has none, and the variance is larger.
NO_EPSILON = 1e-12


def conv(name, filters, kernel, padding):
    return {"name": name, "kind": "conv2d", "filters": filters, "kernel": kernel, "stride": 1, "padding": padding}


def pool(name, kind):
    return {"name": name, "kind": kind, "size": 2, "stride": 2, "padding": "VALID"}


def layer(name, kind, **settings):
    return {"name": name, "kind": kind, **settings}


def relu(name):
    return layer(name, "relu")


NETS = {
    "plain": {
        "seed": 3, "inner": "conv1", "features": "conv2",
        "architecture": {"name": "plain", "input": [10, 9, 3], "layers": [
            conv("conv1", 4, 3, "SAME"), relu("relu1"), pool("pool1", "max_pool2d"),
            conv("conv2", 6, 3, "VALID"), relu("relu2"), layer("flatten", "flatten"),
            layer("fc1", "dense", units=10), relu("relu_fc1"), layer("fc2", "dense", units=CLASSES),
        ]},
    },
    "normalized": {
        "seed": 4, "inner": "relu1", "features": "relu2",
        "architecture": {"name": "normalized", "input": [8, 10, 3], "layers": [
            conv("conv1", 4, 3, "SAME"), layer("bn1", "batch_normalization"), relu("relu1"),
            pool("pool1", "average_pool2d"),
            conv("conv2", 5, 3, "SAME"), layer("bn2", "batch_normalization"), relu("relu2"),
            layer("gap", "global_average_pool2d"), layer("fc", "dense", units=CLASSES),
        ]},
    },
    "shifted": {
        "seed": 5, "inner": "pool1", "features": "conv2",
        "architecture": {"name": "shifted", "input": [10, 9, 3], "layers": [
            conv("conv1", 4, 3, "SAME"), relu("relu1"), pool("pool1", "max_pool2d"),
            layer("bn1", "batch_normalization"),
            conv("conv2", 6, 2, "VALID"), relu("relu2"), layer("bn2", "batch_normalization"),
            layer("flatten", "flatten"), layer("fc", "dense", units=CLASSES),
        ]},
    },
}  # fmt: skip


def normal(*shape, scale=1.0):
    """Random values that float32 holds, so that both sides have the same."""
    return (scale * torch.randn(*shape)).float().double()


def channels_last(t):
    """[C,H,W] -> [H,W,C]."""
    return t.permute(1, 2, 0)


class Net:
    """An architecture as a PyTorch module, and its weights in oscar's layout."""

    def __init__(self, architecture):
        self.weights, self.modules, self.flattened = {}, {}, None
        height, width, channels = architecture["input"]
        size = (channels, height, width)
        for l in architecture["layers"]:
            module = self.make(l, size).eval()
            size = tuple(module(torch.zeros(1, *size)).shape[1:])
            self.modules[l["name"]] = module

    def make(self, l, size):
        kind, name = l["kind"], l["name"]
        if kind == "conv2d":
            k, padding = l["kernel"], l["kernel"] // 2 if l["padding"] == "SAME" else 0
            m = nn.Conv2d(size[0], l["filters"], k, padding=padding)
            scale = (2 / (k * k * size[0])) ** 0.5 / (100 if size[0] == 3 else 1)
            self.set(m, name, normal(*m.weight.shape, scale=scale), lambda w: w.permute(2, 3, 1, 0))
            return m
        if kind == "dense":
            m = nn.Linear(size[0], l["units"])
            before = self.flattened  # as oscar flattens: height, width, channel

            def order(w):
                return w if before is None else w.reshape(-1, *before).permute(0, 2, 3, 1).reshape(len(w), -1)

            self.set(m, name, normal(*m.weight.shape, scale=size[0] ** -0.5), lambda w: order(w).T)
            self.flattened = None
            return m
        if kind == "batch_normalization":
            m, c = nn.BatchNorm2d(size[0], eps=NO_EPSILON), size[0]
            for role, tensor, value in [
                ("gamma", m.weight, 1 + normal(c, scale=0.5)), ("beta", m.bias, normal(c, scale=0.3)),
                ("moving_mean", m.running_mean, normal(c, scale=0.3)),
                ("moving_variance", m.running_var, 0.3 + normal(c) ** 2),
            ]:  # fmt: skip
                value = value.float().double()
                self.weights[f"{name}/{role}"] = value
                tensor.data = value.clone()
            m.running_var += BN_EPSILON
            return m
        if kind == "flatten":
            self.flattened = size
        return {
            "flatten": nn.Flatten,
            "relu": nn.ReLU, "max_pool2d": lambda: nn.MaxPool2d(2), "average_pool2d": lambda: nn.AvgPool2d(2),
            "global_average_pool2d": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        }[kind]()  # fmt: skip

    def set(self, m, name, weight, layout):
        m.weight.data, m.bias.data = weight, normal(len(weight), scale=0.2)
        self.weights[f"{name}/kernel"], self.weights[f"{name}/bias"] = layout(m.weight.data), m.bias.data

    def merged(self):
        """The modules, with a normalization that follows no linear layer merged into the next one."""
        out, scale, shift, linear = {}, None, None, False
        for name, m in self.modules.items():
            if isinstance(m, nn.BatchNorm2d) and not linear:
                scale = m.weight.data / (m.running_var + m.eps).sqrt()
                shift = m.bias.data - m.running_mean * scale
                continue
            if scale is not None and isinstance(m, (nn.Conv2d, nn.Linear)):
                w = m.weight.data
                a, s = scale, shift
                if isinstance(m, nn.Linear):  # flattened: channel, height, width
                    a, s = (v.repeat_interleave(w.shape[1] // len(v)) for v in (a, s))
                else:
                    assert m.padding == (0, 0)
                    a, s = a[:, None, None], s[:, None, None]
                m.bias.data = m.bias.data + (w * s).flatten(1).sum(1)
                m.weight.data = w * a
                scale = None
            linear = isinstance(m, (nn.Conv2d, nn.Linear))
            out[name] = m
        return out


def numbers(t, digits=7):
    return [float(f"%.{digits}g" % v) for v in t.detach().reshape(-1).tolist()]


def make(name, spec):
    torch.manual_seed(spec["seed"])
    made = Net(spec["architecture"])
    weights = {key: numbers(w, 9) for key, w in made.weights.items()}
    modules = made.merged()
    net = nn.Sequential()
    for key, m in modules.items():
        net.add_module(key, m)
    height, width, channels = spec["architecture"]["input"]
    images = torch.randint(0, 256, (3, channels, height, width)).to(torch.float64)
    images[2] -= 128
    logits = net(images).detach()
    order = logits.argsort(dim=1)
    targets = [int(order[i, rank]) for i, rank in enumerate([3, 1, 3])]

    def features(layer):  # a convolution is looked at after its ReLU
        names = list(modules)
        following = names[names.index(layer) + 1]
        return following if layer.startswith("conv") else layer

    table = {}
    for key, build in composite_table().items():
        canonizers = [SequentialMergeBatchNorm()]
        at_image, at_inner = relevance(net, build(canonizers), images, targets, features(spec["inner"]))
        row = {"image": numbers(torch.stack([channels_last(t) for t in at_image]))}
        if key.startswith("epsilon_"):
            row["inner"] = numbers(torch.stack([channels_last(t) for t in at_inner]))
        table[key] = row
    x = images.clone().requires_grad_()
    ours = {
        "gradient": captum.attr.Saliency(net).attribute(x, target=targets, abs=False),
        "guided": captum.attr.GuidedBackprop(net).attribute(x, target=targets),
        "guidedgradcam": captum.attr.GuidedGradCam(net, getattr(net, features(spec["features"]))).attribute(
            x, target=targets, interpolate_mode="bilinear"),
        "integrated": captum.attr.IntegratedGradients(net).attribute(
            x, target=targets, n_steps=20, method="gausslegendre", baselines=0),
    }  # fmt: skip
    for key, t in ours.items():
        table[key] = {"image": numbers(torch.stack([channels_last(one) for one in t]))}
    return {
        "made": {
            "script": "oracles/lrp/make.py", "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            **{p: importlib.metadata.version(p) for p in ("zennit", "captum", "torch")},
        },
        "architecture": spec["architecture"], "inner": spec["inner"], "features": spec["features"],
        "weights": weights, "images": [int(v) for v in torch.stack([channels_last(i) for i in images]).reshape(-1)],
        "targets": targets, "logits": numbers(logits), "signals": table,
    }  # fmt: skip


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    folder = pathlib.Path(__file__).parent / "testdata"
    folder.mkdir(exist_ok=True)
    for name, spec in NETS.items():
        text = json.dumps(make(name, spec), separators=(",", ":"))
        for part in ('"architecture":', '"weights":', '"images":', '"targets":', '"signals":', '"image":'):
            text = text.replace(part, "\n" + part)
        (folder / f"{name}.json").write_text(text + "\n")


main()
