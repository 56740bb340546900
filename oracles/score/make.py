#!/usr/bin/env python3
"""Writes testdata/score.json beside this file: what other programs say of the
same maps, images and draws, for the tests of package score. `make oracles` runs
it.

The model is convolution, ReLU, convolution, ReLU, the mean over the positions,
dense, with random weights, for raw pixels 0..255, in float64. What is whose:

  deletion, insertion   the loop and the kernel of RISE's evaluation.py (Petsiuk
                        et al.), on a normalised image: scipy's gaussian_filter,
                        torch's conv2d; ties are ranked in the map's order
  road                  pytorch-grad-cam's NoisyLinearImputer without noise, and
                        scipy's spsolve on the system written down pixel by pixel
  infidelity            captum.metrics.infidelity, its perturb_func fed with draws
  max_sensitivity       captum.metrics.sensitivity_max, likewise; the explanation
                        is CAM, which is a formula for this model
  masking               the papers' formulas
  ssim, spearman        scikit-image's structural_similarity, scipy's spearmanr
  entropy, gini         scipy's entropy; the paper's formula, 1 - 2 sum ...
  pointing              TorchRay's formula
  focus                 the formula of the authors' compute_focus
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
from captum.metrics import infidelity, sensitivity_max
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from scipy import ndimage, sparse, stats
from scipy.sparse.linalg import spsolve
from skimage.metrics import structural_similarity

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
        "curves": {name: causal(net, image, m) for name, m in maps.items()},
        "road": {name: road(net, image, m) for name, m in maps.items()},
        "masking": [masking(net, image, rough, target) for target in range(CLASSES)],
        "infidelity": infidelities(net, image, rough, random),
        "sensitivity": sensitivity(net, image, random),
        "similar": [similar(maps, a, b) for a, b in [("rough", "other"), ("rough", "steps"), ("steps", "other")]],
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


def tensor(image):
    return torch.tensor(image).permute(2, 0, 1)[None]


def probability(net, image, target=TARGET):
    return float(torch.softmax(net(tensor(image)), dim=1)[0, target])


def ranked(m):
    return np.argsort(-m.ravel(), kind="stable")


def causal(net, image, m, n=32):
    """CausalMetric.single_run and auc, both modes, n steps."""
    impulse = np.zeros((11, 11))
    impulse[5, 5] = 1
    kernel = torch.zeros(3, 3, 11, 11)
    for c in range(3):
        kernel[c, c] = torch.tensor(ndimage.gaussian_filter(impulse, 5))
    normalised = (tensor(image) - column(MEAN)) / column(STD)
    blurred = torch.nn.functional.conv2d(normalised, kernel, padding=5)
    step = -(-HEIGHT * WIDTH // n)

    def run(start, finish):
        now, scores, order = start.clone().reshape(3, -1), [], ranked(m)
        for i in range(n + 1):
            raw = now.reshape(1, 3, HEIGHT, WIDTH) * column(STD) + column(MEAN)
            scores.append(float(torch.softmax(net(raw), dim=1)[0, TARGET]))
            coords = order[step * i : step * (i + 1)].copy()
            now[:, coords] = finish.reshape(3, -1)[:, coords]
        s = np.array(scores)
        return {"scores": scores, "auc": (s.sum() - s[0] / 2 - s[-1] / 2) / (len(s) - 1)}

    return {"deletion": run(normalised, torch.zeros_like(normalised)), "insertion": run(blurred, normalised)}


def column(values):
    return torch.tensor(values)[None, :, None, None]


def road(net, image, m):
    """Removal by rank, filled by pytorch-grad-cam and by spsolve."""
    order, before = ranked(m), probability(net, image)
    out = {"morf": [], "lerf": []}
    for share in SHARES:
        k = int(share * len(order) + 0.5)
        for side, removed in [("morf", order[:k]), ("lerf", order[len(order) - k :])]:
            kept = np.ones(HEIGHT * WIDTH)
            kept[removed] = 0
            filled = NoisyLinearImputer(noise=0)(tensor(image)[0].float(), torch.tensor(kept).reshape(HEIGHT, WIDTH))
            filled = filled.permute(1, 2, 0).double().numpy()
            exactly = solved(image, kept.reshape(HEIGHT, WIDTH) == 0)
            assert np.abs(filled - exactly).max() < 1e-3, np.abs(filled - exactly).max()
            out[side].append(probability(net, exactly))
            if (share, side) == (0.5, "morf"):
                out["filled"] = [round(float(v), 5) for v in exactly.ravel()]
    morf, lerf = (np.mean(out[side]) - before for side in ("morf", "lerf"))
    return {**out, "before": before, "road_morf": morf, "road_lerf": lerf, "road": (lerf - morf) / 2}


def solved(image, missing):
    """The system, one equation a missing pixel."""
    places = [tuple(p) for p in np.argwhere(missing)]
    number = {p: i for i, p in enumerate(places)}
    a, b = sparse.lil_matrix((len(places), len(places))), np.zeros((len(places), 3))
    for (y, x), i in number.items():
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                p, w = (y + dy, x + dx), 1 / 12 if dy and dx else 1 / 6
                if (dy, dx) == (0, 0) or not (0 <= p[0] < HEIGHT and 0 <= p[1] < WIDTH):
                    continue
                a[i, i] += w
                if p in number:
                    a[i, number[p]] -= w
                else:
                    b[i] += w * image[p]
    out = image.copy()
    out[missing] = spsolve(a.tocsc(), b)
    return out


def masking(net, image, m, target):
    shown = np.maximum(m, 0)[..., None] / m.max()
    y = probability(net, image, target)
    out = {}
    for name, colour in [("black", 0 * MEAN), ("mean", MEAN)]:
        o = probability(net, colour + shown * (image - colour), target)
        out[name] = [100 * max(0, y - o) / y, 100.0 * (o > y), 100 * max(0, o - y) / (1 - y)]
    return out


def infidelities(net, image, m, random):
    """Squares (top, left, side) of the mean colour, and whole numbers of noise."""
    squares = [[int(random.integers(0, HEIGHT - s + 1)), int(random.integers(0, WIDTH - s + 1)), s] for s in random.integers(1, 9, 12).tolist()]
    noise = np.round(random.normal(size=(6, HEIGHT, WIDTH)) * 25)
    masks = np.zeros((len(squares), HEIGHT, WIDTH))
    for mask, (top, left, side) in zip(masks, squares):
        mask[top : top + side, left : left + side] = 1
    painted = np.where(masks[..., None] == 1, MEAN, image)
    attribution = torch.tensor(m / 3).expand(1, 3, HEIGHT, WIDTH)  # a third a channel: I is the same in all

    def captum(weights, changed, normalize):
        def perturb(_):
            stacked = torch.tensor(np.repeat(weights[:, None], 3, axis=1))
            return stacked, torch.tensor(changed).permute(0, 3, 1, 2)

        return float(infidelity(net, perturb, tensor(image), attribution, target=TARGET, n_perturb_samples=len(weights), normalize=normalize))

    noisy = image - noise[..., None]
    return {
        "squares": squares,
        "noise": [exact(n) for n in noise],
        "square": [captum(masks, painted, normalize) for normalize in (True, False)],
        "gaussian": [captum(noise, noisy, normalize) for normalize in (True, False)],
    }


def sensitivity(net, image, random):
    """Noise in sixteenths, which a float32 holds."""
    noise = np.round(random.uniform(-5, 5, size=(3, HEIGHT, WIDTH, 3)) * 16)

    def cam(x):
        x = x[0] if isinstance(x, tuple) else x
        return (torch.einsum("k,nkyx->nyx", net.dense.weight[TARGET], net.features(x)),)

    def perturb(x, radius):
        return x[0] + torch.tensor(noise / 16).permute(0, 3, 1, 2)

    worst = sensitivity_max(cam, tensor(image), perturb_func=perturb, n_perturb_samples=len(noise))
    return {"sixteenths": [exact(n) for n in noise], "max": float(worst)}


def similar(maps, a, b):
    x, y = maps[a], maps[b]
    unit = [np.float32((m - m.min()) / (m.max() - m.min())).astype(float) for m in (x, y)]
    return {
        "a": a,
        "b": b,
        "ssim": structural_similarity(*unit, gaussian_weights=True, data_range=1),
        "spearman": stats.spearmanr(x.ravel(), y.ravel()).statistic,
        "abs": stats.spearmanr(np.abs(x).ravel(), np.abs(y).ravel()).statistic,
    }


def spread(m):
    w = np.sort(np.abs(m).ravel())
    d, k = len(w), np.arange(1, len(w) + 1)
    return {"gini": 1 - 2 * float((w / w.sum() * (d - k + 0.5) / d).sum()), "entropy": float(stats.entropy(w))}


def pointing(random):
    """PointingGame.evaluate, of points about a mask and of tolerances."""
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[10:14, 9:12] = True
    cases = []
    for _ in range(40):
        row, column_, tolerance = int(random.integers(0, HEIGHT)), int(random.integers(0, WIDTH)), int(random.integers(3, 16))
        v = (torch.arange(HEIGHT)[:, None] - row) ** 2
        u = (torch.arange(WIDTH)[None, :] - column_) ** 2
        cases.append([row, column_, tolerance, int((mask & ((v + u) < tolerance**2)).any())])
    assert 10 <= sum(case[3] for case in cases) <= 30
    return cases


def focus(m):
    positive = np.maximum(m, 0)
    h, w = HEIGHT // 2, WIDTH // 2
    quarters = [positive[:h, :w], positive[:h, w:], positive[h:, :w], positive[h:, w:]]
    return [float(q.sum() / positive.sum()) for q in quarters]


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
