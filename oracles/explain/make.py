#!/usr/bin/env python3
"""Writes testdata/explain.json beside this file: what Captum, lime, scikit-image
and RISE's formula make of a small network, for the tests of package explain.
`make oracles` runs it.

The network is convolution, ReLU, convolution, ReLU, the mean over the
positions, dense, with random weights, for raw pixels 0..255, in float64. The
images and what is random in a method are oscar's own, from testdata/draws.json,
which `go test ./explain -run TestDraws -update` writes. So the maps are to be
equal, but for rounding:

  saliency, gradient-x-input, integrated-gradients, occlusion
      Captum's, reduced over the channels; Captum's convergence delta.
  smoothgrad
      the mean of Captum's signed gradients over the noisy images.
  rise
      the formula of the authors' code, their masks by scikit-image's resize.
  lime
      lime's own LimeBase and kernel, distances by scikit-learn.

SLIC has no one right answer: kept are only the number of scikit-image's
superpixels of a scene, and the share of its regions' borders that they find. It
gives fewer than it is asked for; it is asked for as many as give those wanted.
"""

import base64
import datetime
import importlib.metadata
import json
import pathlib
import platform
import warnings

import numpy as np
import skimage.morphology
import skimage.segmentation
import torch
from captum.attr import InputXGradient, Saliency
from methods import integrated, lime, occlusion, rise, smoothgrad

TESTDATA = pathlib.Path(__file__).parent / "testdata"
TARGETS = [2, 0]
GRAY = 127.5


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 3)
        self.conv2 = torch.nn.Conv2d(4, 6, 3, stride=2)
        self.dense = torch.nn.Linear(6, 4)
        for p in self.parameters():
            torch.nn.init.normal_(p, 0, 0.5)

    def forward(self, x):
        x = torch.relu(self.conv1(x / 255))
        x = torch.relu(self.conv2(x))
        return self.dense(x.mean(dim=(2, 3)))


def main():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(3)
    warnings.filterwarnings("ignore", "Input Tensor 0 did not already require gradients")
    draws = json.loads((TESTDATA / "draws.json").read_text())
    net = Net().eval()
    images = np.stack([picture(i, draws["Height"], draws["Width"]) for i in draws["Images"]])
    x = torch.tensor(images).permute(0, 3, 1, 2)

    def probabilities(x):
        return torch.softmax(net(x), dim=1)

    black, mean = torch.zeros_like(x), x.mean(dim=(2, 3), keepdim=True).expand_as(x).contiguous()
    from_black, black_delta = integrated(net, x, TARGETS, black, 50)
    from_mean, mean_delta = integrated(net, x, TARGETS, mean, 7)
    noise = torch.tensor(draws["Noise"]).reshape(-1, draws["Height"], draws["Width"], 3).permute(0, 3, 1, 2)
    superpixels = np.array(draws["Superpixels"]).reshape(images[0].shape[:2])
    lime_map, lime_fit = lime(images[0], TARGETS[0], probabilities, superpixels, draws["Coins"])
    maps = {
        "saliency": Saliency(net).attribute(x, target=TARGETS).amax(dim=1),
        "saliency probability": Saliency(probabilities).attribute(x, target=TARGETS).amax(dim=1),
        "gradient-x-input": InputXGradient(net).attribute(x, target=TARGETS).sum(dim=1),
        "integrated-gradients": from_black,
        "integrated-gradients mean": from_mean,
        "smoothgrad": smoothgrad(net, x[0], TARGETS[0], noise),
        "occlusion": occlusion(net, x, TARGETS, 5, 3, GRAY),
        "occlusion probability": occlusion(probabilities, x, TARGETS, 6, 5, 0.0),
        "rise": rise(images[0], TARGETS[0], probabilities, draws["Masks"]),
        "lime": lime_map,
    }
    document = {
        "Made": {
            "script": "oracles/explain/make.py",
            "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ["captum", "lime", "numpy", "scikit-image", "scikit-learn", "torch"]},
        },
        "Net": {
            "Convs": [conv(net.conv1), conv(net.conv2)],
            "Dense": {"Weights": [exact(row) for row in net.dense.weight], "Bias": exact(net.dense.bias)},
        },
        "Targets": TARGETS,
        "Logits": [exact(row) for row in net(x)],
        "Convergence": {"integrated-gradients": exact(black_delta), "integrated-gradients mean": exact(mean_delta)},
        "LIME": lime_fit,
        "Scene": scene(**draws["Scene"]),
        "Maps": {name: [rounded(m) for m in list_of_maps] for name, list_of_maps in maps.items()},
    }
    lines = (f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in document.items())
    (TESTDATA / "explain.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def scene(Height, Width, Segments, Pixels, Regions):
    image = picture(Pixels, Height, Width).astype(np.uint8)
    regions = np.array([int(c) for c in Regions]).reshape(Height, Width)
    for ask in range(Segments, 3 * Segments):
        labels = skimage.segmentation.slic(image, n_segments=ask, compactness=10, start_label=0)
        if len(np.unique(labels)) >= Segments:
            break
    truth, found = border(regions), border(labels)
    near = skimage.morphology.dilation(found, np.ones((3, 3)))
    return {"Count": len(np.unique(labels)), "Recall": float((truth & near).sum() / truth.sum())}


def border(labels):
    """Pixels that differ from the one to the right or below."""
    out = np.zeros(labels.shape, bool)
    out[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    out[:-1] |= labels[:-1] != labels[1:]
    return out


def picture(encoded, height, width):
    return np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(height, width, 3).astype(np.float64)


def conv(module):
    """A convolution, its kernel in the order [size,size,in,out]."""
    return {
        "Size": module.kernel_size[0],
        "Stride": module.stride[0],
        "In": module.in_channels,
        "Out": module.out_channels,
        "Kernel": exact(module.weight.permute(2, 3, 1, 0)),
        "Bias": exact(module.bias),
    }


def exact(tensor):
    return tensor.detach().flatten().tolist()


def rounded(values):
    """One list, to seven digits."""
    array = values.detach().numpy() if isinstance(values, torch.Tensor) else values
    return [float(f"{v:.7g}") for v in np.asarray(array).ravel()]


main()
