#!/usr/bin/env python3
"""Writes testdata/cam.json beside this file: what pytorch-grad-cam makes of a
small network, for the tests of package gradcam. `make oracles` runs it.

The network is convolution, ReLU, convolution, ReLU, flattening, dense, with
random weights, for raw pixels 0..255. The maps are those of cams.py. oscar's own
networks are asked about in oracles/networks.
"""

import datetime
import importlib.metadata
import json
import pathlib
import platform

import numpy as np
import pytorch_grad_cam as pgc
import torch
from cams import METHODS, raw
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

HEIGHT, WIDTH, CLASSES = 16, 12, 4
LAYERS = ["relu1", "relu2"]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 6, 3)  # 14x10
        self.relu1 = torch.nn.ReLU()
        self.conv2 = torch.nn.Conv2d(6, 5, 3, stride=2)  # 6x4
        self.relu2 = torch.nn.ReLU()
        self.dense = torch.nn.Linear(6 * 4 * 5, CLASSES)
        for p in self.parameters():
            torch.nn.init.normal_(p, 0, 0.3)

    def forward(self, x):
        x = self.relu1(self.conv1(x / 255))
        x = self.relu2(self.conv2(x))
        return self.dense(x.permute(0, 2, 3, 1).flatten(1))  # height, width, channel


def main():
    torch.set_num_threads(1)
    torch.manual_seed(2)

    net = Net().eval()
    images = torch.randint(0, 256, (4, 3, HEIGHT, WIDTH)).float()
    logits = net(images).detach()
    order = logits.argsort(dim=1)  # the last is the predicted class
    targets = [int(order[i, rank]) for i, rank in enumerate([3, 0, 2, 3])]
    scores = [float(logits[i, target]) for i, target in enumerate(targets)]
    assert [score < 0 for score in scores] == [False, True, False, False], scores

    document = {
        "made": {
            "script": "oracles/cam/make.py",
            "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ["grad-cam", "torch", "numpy"]},
        },
        "net": {
            "layers": [conv("conv1", net.conv1), {"name": "relu1"}, conv("conv2", net.conv2), {"name": "relu2"}],
            "dense": numbers(net.dense.weight.T),
            "bias": numbers(net.dense.bias),
        },
        "images": {"n": 4, "height": HEIGHT, "width": WIDTH, "channels": 3, "pixels": numbers(images.permute(0, 2, 3, 1))},
        "targets": targets,
        "logits": [numbers(row) for row in logits],
    }
    for name in LAYERS:
        document[name] = explain(net, getattr(net, name), images, [ClassifierOutputTarget(t) for t in targets])
    lines = (f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in document.items())
    path = pathlib.Path(__file__).parent / "testdata" / "cam.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def explain(net, layer, images, targets):
    """What is to be known of a layer: its volumes and every method's maps."""
    with pgc.GradCAM(net, [layer]) as cam:
        cam(images, targets)
        (activations,) = cam.activations_and_grads.activations
        (gradients,) = cam.activations_and_grads.gradients
        assert activations.min() == 0  # or else Ablation-CAM sets channels not to 0 but far below
    _, channels, height, width = activations.shape
    return {
        "height": height,
        "width": width,
        "channels": channels,
        "activations": [numbers(a) for a in activations.permute(0, 2, 3, 1)],
        "gradients": [numbers(g) for g in gradients.permute(0, 2, 3, 1)],
        "maps": {name: [numbers(m) for m in raw(method, net, layer, images, targets)] for name, method in METHODS.items()},
    }


def conv(name, module):
    """A convolution with its weights in the order [size,size,in,out]."""
    return {
        "name": name,
        "size": module.kernel_size[0],
        "stride": module.stride[0],
        "weights": numbers(module.weight.permute(2, 3, 1, 0)),
        "bias": numbers(module.bias),
    }


def numbers(array):
    """The shortest decimals that are these float32 values, in one list."""
    array = array.detach().numpy() if isinstance(array, torch.Tensor) else array
    return [int(x) if x == int(x) else float(str(x)) for x in np.float32(array).ravel()]


main()
