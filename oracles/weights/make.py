#!/usr/bin/env python3
"""Writes testdata/torchvision.json and timm.json beside this file: what the networks of
torchvision and timm answer with weights that are a function of their tensors' names, for the
tests of package weights. `make oracles` runs it.

A value u(name, i) between 0 and 1 is the fraction of 43758.5453 sin(12.9898 i + b), where b
is CRC-32 of the name modulo 1000, divided by 100. A kernel is (2u - 1) sqrt(3 / fan_in), a
weight of batch normalization 0.8 + 0.4u, a running variance 0.5 + u, all else 0.2 (u - 0.5).
Images have round(255 u("image", i)), and are normalized as torchvision's documentation and
timm's default_cfg say. They have 64 pixels a side, 224 for VGG, whose first dense layer
has 64 units here, since the files and the test would be large. PyTorch computes in float32."""

import datetime
import json
import pathlib
import zlib

import numpy as np
import timm
import torch
import torchvision

HERE = pathlib.Path(__file__).parent
CLASSES, UNITS = 5, (64, 4096)
VGG = ["vgg11_bn", "vgg16"]
TORCHVISION = ["mobilenet_v2", "resnet18", "resnet50", *VGG]
TIMM = {"mobilenetv2_100": "mobilenet_v2", "resnet18": "resnet18", "resnet50": "resnet50", "vgg11_bn": "vgg11_bn", "vgg16": "vgg16",
        "efficientnet_lite0": "efficientnet_lite0", "tf_efficientnet_lite0": "efficientnet_lite0"}  # fmt: skip


def uniform(name, n):
    v = np.sin(12.9898 * np.arange(n) + zlib.crc32(name.encode()) % 1000 / 100) * 43758.5453
    return v - np.floor(v)


def weight(name, shape):
    u = uniform(name, int(np.prod(shape, dtype=np.int64))).reshape(shape)
    if len(shape) > 1:
        return (2 * u - 1) * np.sqrt(3 / np.prod(shape[1:]))
    if name.endswith("running_var"):
        return 0.5 + u
    if name.endswith(".weight"):
        return 0.8 + 0.4 * u
    return 0.2 * (u - 0.5)


def of_torchvision(name):
    model = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES)
    if name in VGG:
        for i, size in ((0, (512 * 49, UNITS[0])), (3, UNITS), (6, (UNITS[1], CLASSES))):
            model.classifier[i] = torch.nn.Linear(*size)
    return model, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def of_timm(name):
    model = timm.create_model(name, num_classes=CLASSES, **({"mlp_ratio": UNITS[0] / UNITS[1]} if name in VGG else {}))
    return model, model.default_cfg["mean"], model.default_cfg["std"]


def answers(name, build):
    """The shapes of a network's tensors, and its answers."""
    side, n = (224, 1) if name in VGG else (64, 2)
    images = np.round(255 * uniform("image", n * side * side * 3)).reshape(n, side, side, 3)
    model, mean, std = build(name)
    model.eval()
    state = model.state_dict()
    model.load_state_dict({k: torch.tensor(weight(k, tuple(t.shape)), dtype=t.dtype) if t.is_floating_point() else t for k, t in state.items()})
    with torch.no_grad():
        logits = model(torch.tensor(((images / 255 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32))).numpy()
    return {"tensors": {k: list(t.shape) for k, t in state.items()}, "images": [n, side], "logits": [float(v) for v in logits.ravel()]}


def main():
    made = {"script": "oracles/weights/make.py", "date": datetime.date.today().isoformat(), "torch": torch.__version__.split("+")[0]}
    networks = {name: answers(name, of_torchvision) for name in TORCHVISION}
    for name in set(TORCHVISION) - set(VGG):
        networks[name]["parameters"] = sum(p.numel() for p in getattr(torchvision.models, name)(weights=None).parameters())
    save("torchvision", made | {"torchvision": torchvision.__version__.split("+")[0]}, networks)
    save("timm", made | {"timm": timm.__version__}, {name: answers(name, of_timm) | {"architecture": a} for name, a in TIMM.items()})


def save(name, made, networks):
    (HERE / "testdata" / (name + ".json")).write_text(json.dumps({"made": made, "networks": networks}, separators=(",", ":")) + "\n")


main()
