#!/usr/bin/env python3
"""Writes testdata/torchvision.json beside this file: what torchvision's networks answer
with weights that are a function of their tensors' names, for the tests of package weights.
`make oracles` runs it.

A value u(name, i) between 0 and 1 is the fraction of 43758.5453 sin(12.9898 i + b), where b
is CRC-32 of the name modulo 1000, divided by 100. A kernel is (2u - 1) sqrt(3 / fan_in), a
weight of batch normalisation 0.8 + 0.4u, a running variance 0.5 + u, all else 0.2 (u - 0.5).
Images have round(255 u("image", i)), and are normalised as torchvision's documentation
says. PyTorch computes in float32."""

import datetime
import json
import pathlib
import zlib

import numpy as np
import torch
import torchvision

HERE = pathlib.Path(__file__).parent
NETWORKS = {"mobilenet_v2": torchvision.models.mobilenet_v2, "resnet18": torchvision.models.resnet18, "resnet50": torchvision.models.resnet50}
CLASSES, SIDE, N = 5, 64, 2


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


def main():
    images = np.round(255 * uniform("image", N * SIDE * SIDE * 3)).reshape(N, SIDE, SIDE, 3)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = torch.tensor(((images / 255 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32))
    out = {
        "made": {"script": "oracles/weights/make.py", "date": datetime.date.today().isoformat(), "torchvision": torchvision.__version__.split("+")[0], "torch": torch.__version__.split("+")[0]},
        "networks": {},
    }
    for name, build in NETWORKS.items():
        model = build(weights=None, num_classes=CLASSES).eval()
        state = model.state_dict()
        model.load_state_dict({k: torch.tensor(weight(k, tuple(t.shape)), dtype=t.dtype) if t.is_floating_point() else t for k, t in state.items()})
        with torch.no_grad():
            logits = model(x).numpy()
        whole = build(weights=None)
        out["networks"][name] = {
            "tensors": {k: list(t.shape) for k, t in state.items()},
            "parameters": sum(p.numel() for p in whole.parameters()),
            "logits": [float(v) for v in logits.ravel()],
        }
    (HERE / "testdata" / "torchvision.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")


main()
