#!/usr/bin/env python3
"""Writes testdata/score.json beside this file: what other programs say of the
same maps, images and draws, for the tests of package score. `make oracles` runs
it.

The model is convolution, ReLU, convolution, ReLU, the mean over the positions,
dense, with random weights, for raw pixels 0..255, in float64. metrics.py says
what is whose; besides:

  mosaic                OpenCV's INTER_AREA
  edges                 scipy's sobel
"""

import datetime
import importlib.metadata
import json
import pathlib
import platform

import cv2
import numpy as np
import torch
from metrics import causal, focus, hit, infidelities, masking, road, sensitivity, similar, spread, tensor
from scipy import ndimage

HEIGHT, WIDTH, CLASSES, TARGET = 28, 24, 3, 1
MEAN = np.array([120.0, 110.0, 95.0])  # of the data set, as it were
STD = np.array([60.0, 58.0, 61.0])
SHARES = [0.1, 0.5, 0.9]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 3)
        self.conv2 = torch.nn.Conv2d(4, 6, 3, stride=2)
        self.dense = torch.nn.Linear(6, CLASSES)
        for p in self.parameters():
            torch.nn.init.normal_(p, 0, 0.6)

    def features(self, x):
        return torch.relu(self.conv2(torch.relu(self.conv1(x / 255))))

    def forward(self, x):
        return self.dense(self.features(x).mean(dim=(2, 3)))


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(6)
    random = np.random.default_rng(4)
    net = Net().eval().requires_grad_(False)
    image = picture(random)
    rough = np.float32(ndimage.gaussian_filter(random.normal(size=(HEIGHT, WIDTH)), 1.5) * 10).astype(float)
    other = np.float32(rough + ndimage.gaussian_filter(random.normal(size=rough.shape), 2) * 10).astype(float)
    steps = np.maximum(np.round(rough), 0)  # many zeros, many ties
    maps = {"rough": rough, "other": other, "steps": steps}

    document = {
        "made": {
            "script": "oracles/score/make.py",
            "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            **{
                name: importlib.metadata.version(name)
                for name in ["captum", "grad-cam", "numpy", "opencv-python-headless", "scikit-image", "scipy", "torch"]
            },
        },
        "net": {"convs": [conv(net.conv1), conv(net.conv2)], "dense": exact(net.dense.weight), "bias": exact(net.dense.bias)},
        "image": exact(image),
        "logits": exact(net(tensor(image))),
        "target": TARGET,
        "mean": exact(MEAN),
        "maps": {name: exact(m) for name, m in maps.items()},
        "curves": {name: causal(net, image, TARGET, m, MEAN, STD) for name, m in maps.items()},
        "road": {name: road(net, image, TARGET, m, SHARES) for name, m in maps.items()},
        "masking": [masking(net, image, target, rough, MEAN) for target in range(CLASSES)],
        "infidelity": infidelity(net, image, rough, random),
        "sensitivity": max_sensitivity(net, image, random),
        "similar": [{"a": a, "b": b, **similar(maps[a], maps[b])} for a, b in [("rough", "other"), ("rough", "steps"), ("steps", "other")]],
        "spread": {name: spread(m) for name, m in maps.items()},
        "pointing": pointing(random),
        "focus": focus(rough),
        "mosaic": mosaic(random),
        "edges": edges(image),
    }
    lines = (f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in document.items())
    path = pathlib.Path(__file__).parent / "testdata" / "score.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def picture(random):
    """Whole numbers [height,width,3]: a bright patch on a smooth ground."""
    ground = ndimage.gaussian_filter(random.normal(size=(HEIGHT, WIDTH, 3)), (3, 3, 0)) * 300 + 110
    ground[6:15, 4:13] += [90, 40, -30]
    return np.clip(np.round(ground + random.normal(size=ground.shape) * 8), 0, 255)


def infidelity(net, image, m, random):
    """Squares (top, left, side) of the mean color, and whole numbers of noise."""
    squares = [[int(random.integers(0, HEIGHT - s + 1)), int(random.integers(0, WIDTH - s + 1)), s] for s in random.integers(1, 9, 12).tolist()]
    noise = np.round(random.normal(size=(6, HEIGHT, WIDTH)) * 25)
    return {"squares": squares, "noise": [exact(n) for n in noise], **infidelities(net, image, TARGET, m, squares, noise, MEAN)}


def max_sensitivity(net, image, random):
    """Noise in sixteenths, which a float32 holds. The explanation is CAM, which
    is a formula for this model."""
    noise = np.round(random.uniform(-5, 5, size=(3, HEIGHT, WIDTH, 3)) * 16)

    def cam(x):
        return torch.einsum("k,nkyx->nyx", net.dense.weight[TARGET], net.features(x))

    return {"sixteenths": [exact(n) for n in noise], "max": sensitivity(cam, image, noise / 16)}


def pointing(random):
    """Points about a mask, and tolerances."""
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[10:14, 9:12] = True
    cases = []
    for _ in range(40):
        row, column, tolerance = int(random.integers(0, HEIGHT)), int(random.integers(0, WIDTH)), int(random.integers(3, 16))
        cases.append([row, column, tolerance, hit(mask, row, column, tolerance)])
    assert 10 <= sum(case[3] for case in cases) <= 30
    return cases


def mosaic(random):
    """One image of odd size, shrunk to the four quarters of a picture of its size."""
    image = np.round(random.uniform(0, 255, size=(17, 13, 3)))
    quarters = [[cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA) for w in (6, 7)] for h in (8, 9)]
    return {"image": exact(image), "pixels": [round(float(v), 4) for v in np.concatenate([np.concatenate(row, axis=1) for row in quarters]).ravel()]}


def edges(image):
    light = image @ [0.299, 0.587, 0.114]
    return [round(float(v), 4) for v in np.hypot(*(ndimage.sobel(light, axis=axis, mode="nearest") for axis in (0, 1))).ravel()]


def conv(module):
    """A convolution with its weights in the order [size,size,in,out]."""
    return {"stride": module.stride[0], "weights": exact(module.weight.permute(2, 3, 1, 0)), "bias": exact(module.bias)}


def exact(array):
    """All digits, in one list."""
    return [int(x) if x == int(x) else float(x) for x in np.asarray(array).ravel()]


main()
