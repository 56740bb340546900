#!/usr/bin/env python3
"""Writes testdata/NETWORK/*.json beside this file: what other programs make of
oscar's own networks, tiny and AlexNet02, for the tests of packages gradcam,
explain, relevance and score. `make oracles` runs it; AlexNet02 takes minutes.

The networks are those of reference.py, in float64, the images its pictures. The
programs, and what is set where oscar's definition is another, are told in
../cam/cams.py, ../explain/methods.py, ../lrp/signals.py, ../score/metrics.py.
For zennit each batch normalization is merged into the convolution after it,
which zennit cannot do by itself. What is random in RISE and LIME are oscar's own
draws, from testdata/draws.json, which `go test ./explain -run TestNetworkDraws
-update` writes; all other noise is the formula's.

A map of more than 1,024 positions is kept as every sixteenth value of every
sixteenth row, and the sums of tiles of 16 x 16, so that no position goes
unseen.
"""

import copy
import datetime
import functools
import importlib.metadata
import json
import pathlib
import platform
import sys
import warnings

import numpy as np
import torch
from captum.attr import GuidedBackprop, GuidedGradCam, InputXGradient, Saliency

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import reference  # noqa: E402
from cam import cams  # noqa: E402
from explain import methods  # noqa: E402
from lrp import signals  # noqa: E402
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: E402
from score import metrics  # noqa: E402

TESTDATA = pathlib.Path(__file__).parent / "testdata"
LAYERS = {"tiny": ["conv5", "conv1"], "alexnet02": ["conv5", "conv2"]}
REDRAWN = {"tiny": ["fc3", "fc1"], "alexnet02": ["fc3", "fc2"]}
RUNNING = ["scorecam", "ablationcam"]  # the model again for every channel: at conv5 alone
PRESETS = [  # of oscar; single rules are held against zennit on smaller networks, see ../lrp
    "epsilon_plus_flat", "epsilon_plus", "epsilon_alpha2_beta1_flat", "epsilon_alpha2_beta1", "epsilon_gamma_box", "epsilon",
]  # fmt: skip
MEAN, STD = np.array([120.0, 110.0, 95.0]), np.array([60.0, 58.0, 61.0])
SHARES = [0.1, 0.5, 0.9]
STRIDE = 16

# What integrated gradients (2 steps) and SmoothGrad go by, so that no point on
# the way is near a kink, see reference.margin: another picture as the baseline,
# and numbers of draws.
BASELINES = {"tiny": 137, "alexnet02": 137}
NOISE = {"tiny": [0, 1, 2, 3], "alexnet02": [9, 20, 21, 37]}


class Case:
    """A network, two images, and a class for each: the predicted one, and the second."""

    def __init__(self, name):
        self.name, (self.side, _) = name, reference.NETWORKS[name]
        self.net = reference.network(name)
        self.images = reference.images(name)
        for image in self.images:
            self.check(image[None])
        self.logits = self.net(self.images)
        order = self.logits.argsort(dim=1, descending=True)
        self.targets = [int(order[0, 0]), int(order[1, 1])]

    def check(self, x, dense=1e-4):
        """Ten times what float32 rounds to, and more."""
        margins = reference.margin(self.net, x.float().double())
        assert margins[0] > 2e-6 and margins[1] > dense, margins

    def probabilities(self, x):
        return torch.softmax(self.net(x), dim=1)

    def feature(self, layer):
        """A convolution is looked at after its ReLU."""
        return getattr(self.net, layer.replace("conv", "relu"))

    @functools.cached_property
    def merged(self):
        return reference.merged(self.net, self.side)

    def picture(self, i):
        """[H,W,3]."""
        return self.images[i].permute(1, 2, 0).numpy()

    def noise(self, name, *shape):
        return reference.draws(name, int(np.prod(shape))).reshape(shape)


def cam(case):
    targets = [ClassifierOutputTarget(t) for t in case.targets]
    images = case.images.clone().requires_grad_()
    out = {}
    for layer in LAYERS[case.name]:
        out[layer] = {
            name: [sampled(m) for m in cams.raw(method, case.net, case.feature(layer), images, targets)]
            for name, method in cams.METHODS.items()
            if layer == "conv5" or name not in RUNNING
        }
    return out


def explain(case):
    x, targets, net, draws = case.images, case.targets, case.net, json.loads((TESTDATA / "draws.json").read_text())[case.name]
    patch, stride = case.side // 5, case.side // 6
    black = torch.zeros_like(x)
    from_black, black_delta = methods.integrated(net, x, targets, black, 20)
    rounded, _ = methods.integrated(copy.deepcopy(net).float(), x.float(), targets, black.float(), 20)
    other = reference.picture(BASELINES[case.name], case.side, case.side)[None]
    for at in (np.polynomial.legendre.leggauss(2)[0] + 1) / 2:
        case.check(other + at * (x[:1] - other), 0)
    from_other, other_delta = methods.integrated(net, x[:1], targets[:1], other, 2)
    noise = torch.stack([torch.tensor(case.noise(f"smoothgrad {k}", case.side, case.side, 3)) for k in NOISE[case.name]])
    noise = noise.permute(0, 3, 1, 2)
    for moved in methods.noisy(x[0], noise):
        case.check(moved[None], 0)
    y, xs = np.indices((case.side, case.side)) // ((case.side + 5) // 6)
    lime_map, lime_fit = methods.lime(case.picture(0), targets[0], case.probabilities, y * 6 + xs, draws["Coins"])
    maps = {
        "saliency": Saliency(net).attribute(x, target=targets).amax(dim=1),
        "saliency probability": Saliency(case.probabilities).attribute(x, target=targets).amax(dim=1),
        "gradient-x-input": InputXGradient(net).attribute(x, target=targets).sum(dim=1),
        "integrated-gradients": from_black,
        "integrated-gradients picture": from_other,
        "smoothgrad": methods.smoothgrad(net, x[0], targets[0], noise),
        "occlusion": methods.occlusion(net, x, targets, patch, stride, 127.5),
        "occlusion probability": methods.occlusion(case.probabilities, x, targets, patch, stride, 0.0),
        "rise": methods.rise(case.picture(0), targets[0], case.probabilities, draws["Masks"]),
        "lime": lime_map,
    }
    return {
        "rounding": apart(rounded, from_black),
        "baseline": BASELINES[case.name],
        "noise": NOISE[case.name],
        "patch": patch,
        "stride": stride,
        "gaps": {"integrated-gradients": numbers(black_delta), "integrated-gradients picture": numbers(other_delta)},
        "lime": lime_fit,
        "maps": {name: [sampled(m) for m in list_of_maps] for name, list_of_maps in maps.items()},
    }


def relevance(case):
    x, targets = case.images, case.targets
    table = {}
    for name, build in signals.composite_table().items():
        if name not in PRESETS:
            continue
        at_image, at_inner = signals.relevance(case.merged, build([]), x, targets, "relu5")
        table[name] = {"image": [sampled(m) for m in at_image.sum(dim=1)], "conv5": [sampled(m) for m in at_inner.sum(dim=1)]}
        if name == "epsilon":
            rounded, _ = signals.relevance(copy.deepcopy(case.merged).float(), build([]), x.float(), targets, "relu5")
            table["rounding"] = apart(rounded.sum(dim=1), at_image.sum(dim=1))
    guided = GuidedBackprop(case.net).attribute(x.clone().requires_grad_(), target=targets)
    both = GuidedGradCam(case.net, case.net.relu5).attribute(x.clone().requires_grad_(), target=targets, interpolate_mode="bilinear")
    table["guidedbackprop"] = {"image": [sampled(m) for m in guided.sum(dim=1)]}
    table["guidedgradcam"] = {"image": [sampled(m) for m in both.sum(dim=1)]}
    return {"rounding": table.pop("rounding"), "maps": table}


def heat(name, side):
    """A map of tiles with noise, of both signs, whole numbers."""
    y, x = np.indices((side, side))
    tiles = np.floor(reference.draws(name, 256) * 2**15)
    noise = np.floor(reference.draws(name + " noise", side * side) * 2**11).reshape(side, side)
    return tiles[y * 16 // side * 16 + x * 16 // side] + noise + 10000


def score(case):
    image, target, side, net = case.picture(0), case.targets[0], case.side, case.net
    m, other = heat("heat", side), heat("other heat", side)
    squares = [[int(v) for v in square] for square in squares_of(side)]
    noise = np.floor(case.noise("infidelity", 6, side, side) * 64)
    moves = np.floor(case.noise("sensitivity", 3, side, side, 3) * 80) / 16
    infidelities = metrics.infidelities(net, image, target, m, squares, noise, MEAN)
    top, left, bottom, right = mask = [side // 4, side // 3, side // 2, side * 2 // 3]
    inside = np.zeros((side, side), bool)
    inside[top:bottom, left:right] = True
    row, column = np.unravel_index(np.argmax(m), m.shape)
    positive = np.maximum(m, 0)

    @torch.enable_grad()
    def gradcam(net, x):
        x = x.detach().clone().requires_grad_()
        return cams.raw(cams.METHODS["gradcam"], net, net.relu5, x, [ClassifierOutputTarget(target)] * len(x))

    def large(net):
        small = torch.tensor(gradcam(net, case.images[:1]))[None]
        return torch.nn.functional.interpolate(small, (side, side), mode="bilinear", align_corners=False)[0, 0].numpy()

    trained, layers = large(net), REDRAWN[case.name]
    cascade = [metrics.similar(trained, large(reference.network(case.name, layers[: k + 1]))) for k in range(len(layers))]
    return {
        "target": target,
        "mean": MEAN.tolist(),
        "curves": metrics.causal(net, image, target, m, MEAN, STD),
        "road": {k: v for k, v in metrics.road(net, image, target, m, SHARES).items() if k != "filled"},
        "masking": [metrics.masking(net, image, c, m, MEAN) for c in range(reference.CLASSES)],
        "squares": squares,
        "infidelity": {kind: scaled for kind, (scaled, _) in infidelities.items()},
        "max_sensitivity": metrics.sensitivity(lambda x: torch.tensor(gradcam(net, x)), image, moves),
        "spread": metrics.spread(m),
        "similar": metrics.similar(m, other),
        "mask": mask,
        "pointing": metrics.hit(torch.tensor(inside), int(row), int(column), 15),
        "energy": float(positive[inside].sum() / positive.sum()),
        "focus": metrics.focus(m),
        "layers": layers,
        "sanity": {k: float(np.mean([c[k] for c in cascade])) for k in cascade[0]},
    }


def squares_of(side):
    """Top, left and side of twelve squares."""
    for a, b, c in (reference.draws("squares", 36).reshape(12, 3) + 1) / 2:
        size = 1 + int(a * side / 3)
        yield int(b * (side - size)), int(c * (side - size)), size


def sampled(m):
    m = np.asarray(m.detach() if isinstance(m, torch.Tensor) else m, float)
    height, width = m.shape
    if m.size <= 1024:
        return {"height": height, "width": width, "stride": 1, "values": numbers(m)}
    rows, columns = range(0, height, STRIDE), range(0, width, STRIDE)
    tiles = [m[y : y + STRIDE, x : x + STRIDE].sum() for y in rows for x in columns]
    values = m[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    return {"height": height, "width": width, "stride": STRIDE, "values": numbers(values), "tiles": numbers(np.array(tiles))}


def apart(rounded, maps):
    """The largest difference of maps [n,H,W], each as a share of its largest value."""
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(rounded, maps))


def numbers(values):
    array = values.detach().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    return [float(f"{v:.7g}") for v in array.ravel()]


def main():
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    warnings.filterwarnings("ignore", "Input Tensor 0 did not already require gradients")
    warnings.filterwarnings("ignore", "Setting backward hooks on ReLU activations")
    packages = ["captum", "grad-cam", "lime", "numpy", "scikit-image", "scikit-learn", "scipy", "torch", "zennit"]
    made = {
        "script": "oracles/networks/make.py",
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }
    only = sys.argv[1:]
    for name in reference.NETWORKS:
        case = Case(name)
        folder = TESTDATA / name
        folder.mkdir(parents=True, exist_ok=True)
        for part in (cam, explain, relevance, score):
            if only and part.__name__ not in only:
                continue
            document = {"made": made, "targets": case.targets, "logits": [numbers(row) for row in case.logits], part.__name__: part(case)}
            lines = (f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in document.items())
            (folder / (part.__name__ + ".json")).write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
