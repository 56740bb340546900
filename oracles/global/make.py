#!/usr/bin/env python3
"""Writes testdata/global.json beside this file: what scikit-learn, SciPy,
scikit-image and Captum make of the same tables, maps, images and draws, for the
tests of package global. `make oracles` runs it.

  spectra   scikit-learn's nearest neighbors, their matrix and its transpose
            averaged, SciPy's normalized Laplacian and its eigenvalues; k-means
            and silhouettes by scikit-learn. CoRelAy's SparseKNN,
            SymmetricNormalLaplacian and EigenDecomposition are the same sums.
  trees     DecisionTreeClassifier
  fits      LogisticRegression
  tcav      Captum's TCAV of a small network with random weights, in float64,
            with LogisticRegression in place of its SGDClassifier: the classifier
            is fitted on all examples, none is held out.
  tests     SciPy's ttest_ind(equal_var=False)
  picture   scikit-image's HSV and entropy, SciPy's Sobel and Laplace filters

Inputs are rounded to float32, so that oscar reads the same.
"""

import datetime
import importlib.metadata
import json
import pathlib
import platform
import tempfile
import warnings

import numpy as np
import scipy.linalg
import scipy.sparse.csgraph
import scipy.stats
import skimage.color
import skimage.measure
import torch
from captum.concept import TCAV, Classifier, Concept
from scipy import ndimage
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors
from sklearn.tree import DecisionTreeClassifier

TESTDATA = pathlib.Path(__file__).parent / "testdata"
NEIGHBORS, SIDE = 10, 5


def main():
    torch.set_num_threads(1)
    torch.manual_seed(8)
    random = np.random.default_rng(5)
    document = {
        "Made": {
            "script": "oracles/global/make.py",
            "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ["captum", "numpy", "scikit-image", "scikit-learn", "scipy", "torch"]},
        },
        "Spectra": [spectrum(random, sizes) for sizes in ([40], [30, 26], [30, 22, 13])],
        "Trees": [tree(random, whole, depth, leaf) for whole, depth, leaf in ((False, 4, 5), (False, 6, 8), (True, 3, 8))],
        "Fits": [fit(random, n, d, scale, c) for n, d, scale, c in ((60, 5, 1, 1), (24, 70, 1, 1), (24, 70, 50, 1), (40, 12, 3, 0.05))],
        "TCAV": tcav(),
        "Tests": [test(random, a, b, shift) for a, b, shift in ((10, 10, 0.1), (10, 10, 0.6), (5, 17, 0.3))],
        "Picture": picture(random),
    }
    lines = (f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in document.items())
    (TESTDATA / "global.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def spectrum(random, sizes):
    """Groups of maps, each about a mean of its own."""
    maps = np.concatenate([random.normal(size=(SIDE, SIDE)) + 0.35 * random.normal(size=(n, SIDE, SIDE)) for n in sizes])
    maps = single(maps[random.permutation(len(maps))])
    points = maps.reshape(len(maps), -1)
    points = points / np.abs(points).sum(axis=1, keepdims=True)
    neighbors = NearestNeighbors(n_neighbors=NEIGHBORS).fit(points).kneighbors_graph()
    laplacian = scipy.sparse.csgraph.laplacian((neighbors + neighbors.T) / 2, normed=True).toarray()
    values, vectors = scipy.linalg.eigh(laplacian)
    out = {"Side": SIDE, "Neighbors": NEIGHBORS, "Maps": listed(maps), "Eigenvalues": values[:20].tolist()}
    if len(sizes) > 1:
        embedding = vectors[:, : len(sizes)]
        embedding = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
        groups = KMeans(len(sizes), n_init=10, random_state=0).fit_predict(embedding)
        out |= {
            "Groups": groups.tolist(),
            "Silhouette": float(silhouette_score(embedding, groups)),
            "SilhouetteMaps": float(silhouette_score(points, groups)),
        }
    return out


def tree(random, whole, depth, leaf):
    """Whole numbers have ties, within a feature and between splits."""
    x = random.normal(size=(220, 6))
    if whole:
        x = np.round(2 * x)
    x = single(x)
    y = (x[:, 0] + 0.5 * x[:, 1] > 0) * 2 + (x[:, 2] > 0.3 * x[:, 3])
    y = np.where(random.random(len(y)) < 0.1, random.integers(0, 4, len(y)), y)
    grown = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=0).fit(x[:150], y[:150])
    t = grown.tree_
    return {
        "Depth": depth,
        "MinLeaf": leaf,
        "Ties": whole,
        "Grown": 150,
        "Rows": listed(x),
        "Labels": y.tolist(),
        "Left": t.children_left.tolist(),
        "Right": t.children_right.tolist(),
        "Feature": t.feature.tolist(),
        "Threshold": t.threshold.tolist(),
        "Impurity": t.impurity.tolist(),
        "Samples": t.n_node_samples.tolist(),
        "Importances": grown.feature_importances_.tolist(),
        "Predictions": grown.predict(x).tolist(),
    }


def fit(random, n, d, scale, c):
    x = single(scale * (random.normal(size=(n, d)) + random.normal(size=d)))
    y = x @ random.normal(size=d) + scale * random.normal(size=n) > 0
    x[y] = single(x[y] + 0.2 * scale)
    model = LogisticRegression(C=c, tol=1e-12, max_iter=100000).fit(x, y)
    return {"C": c, "X": listed(x), "Y": y.tolist(), "Weights": model.coef_[0].tolist(), "Bias": float(model.intercept_[0])}


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, stride=2)
        self.relu = torch.nn.ReLU()
        self.hidden = torch.nn.Conv2d(4, 5, 3)
        self.dense = torch.nn.Linear(5, 3)

    def forward(self, x):
        x = self.relu(self.conv(x))
        return self.dense(torch.relu(self.hidden(x)).mean(dim=(2, 3)))


class Logistic(Classifier):
    def __init__(self):
        self.model = None

    def train_and_eval(self, dataloader, **_):
        batches = list(dataloader)
        x, y = torch.cat([b[0] for b in batches]), torch.cat([b[1] for b in batches])
        self.model = LogisticRegression(C=1, tol=1e-12, max_iter=100000).fit(x.numpy(), y.numpy())
        return {}

    def weights(self):
        w = torch.tensor(self.model.coef_[0])
        return torch.stack([-w, w])  # of the concept with the lower id first

    def classes(self):
        return self.model.classes_.tolist()


def tcav():
    net = Net().double().eval()  # Captum keeps CAVs in float32, and wants that to be the default
    random_images, concept_images, inputs = (torch.rand(n, 3, 9, 9).double() for n in (20, 20, 15))
    concept_images[:, 0] += 0.6 * torch.linspace(0, 1, 9)
    concept = Concept(0, "ramp", list(concept_images.unsqueeze(1)))
    other = Concept(1, "random", list(random_images.unsqueeze(1)))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cavs = TCAV(net, ["relu"], classifier=Logistic(), save_path=folder)
        scores = [cavs.interpret(inputs, [[concept, other]], target=t)["0-1"]["relu"]["sign_count"][0].item() for t in range(3)]
    gradients = []
    for t in range(3):
        features = net.relu(net.conv(inputs)).detach().requires_grad_()
        logits = net.dense(torch.relu(net.hidden(features)).mean(dim=(2, 3)))
        gradients.append(torch.autograd.grad(logits[:, t].sum(), features)[0])
    with torch.no_grad():
        activations = [net.relu(net.conv(x)).flatten(1) for x in (concept_images, random_images)]
    return {
        "Concept": listed(activations[0].numpy()),
        "Random": listed(activations[1].numpy()),
        "Gradients": [listed(g.flatten(1).numpy()) for g in gradients],
        "Scores": scores,
    }


def test(random, a, b, shift):
    x, y = np.clip(random.normal(0.5 + shift, 0.1, a), 0, 1), np.clip(random.normal(0.5, 0.3, b), 0, 1)
    return {"A": x.tolist(), "B": y.tolist(), "P": float(scipy.stats.ttest_ind(x, y, equal_var=False).pvalue)}


def picture(random):
    """A picture with smooth parts and noise."""
    h, w = 21, 26
    smooth = np.stack([ndimage.gaussian_filter(random.normal(size=(h, w)), 3) for _ in range(3)], axis=-1)
    pixels = np.clip(120 + 1100 * smooth + random.normal(0, 12, (h, w, 3)), 0, 255).astype(np.uint8)
    pixels[:3, :4] = 255
    rgb = pixels / 255.0
    light = rgb @ [0.299, 0.587, 0.114]
    hsv = skimage.color.rgb2hsv(pixels)
    chroma = rgb.max(axis=2) - rgb.min(axis=2)
    mean = (chroma * np.exp(2j * np.pi * hsv[..., 0])).sum()
    gx, gy = (ndimage.sobel(light, axis=a, mode="nearest") / 8 for a in (1, 0))
    long, power = np.hypot(gx, gy), (gx**2 + gy**2).mean()
    blocks = [light[y : y + 8, x : x + 8].std() for y in range(0, h, 8) for x in range(0, w, 8)]
    middle = np.zeros((h, w), bool)
    middle[[abs(2 * y + 1 - h) * 2 <= h for y in range(h)]] = True
    middle &= np.array([abs(2 * x + 1 - w) * 2 <= w for x in range(w)])
    histogram, _ = np.histogram(light, bins=64, range=(0, 1))
    values = {
        "brightness": light.mean(),
        "brightness spread": light.std(),
        "bright area": (light > 0.9).mean(),
        "dark area": (light < 0.1).mean(),
        "center brightness": light[middle].mean() - light[~middle].mean(),
        "brightness entropy": scipy.stats.entropy(histogram, base=2),
        "saturation": hsv[..., 1].mean(),
        "saturation spread": hsv[..., 1].std(),
        "hue": np.degrees(np.angle(mean)) % 360,
        "hue unity": np.abs(mean) / chroma.sum(),
        "red-green": (rgb[..., 0] - rgb[..., 1]).mean(),
        "yellow-blue": ((rgb[..., 0] + rgb[..., 1]) / 2 - rgb[..., 2]).mean(),
        "edge density": (long > 0.05).mean(),
        "edge strength": long.mean(),
        "edge direction": (gx**2 - gy**2).mean() / power,
        "edge slant": (2 * gx * gy).mean() / power,
        "texture": np.mean(blocks),
        "sharpness": ndimage.laplace(255 * light, mode="nearest").var(),
    }
    return {"Height": h, "Width": w, "Pixels": pixels.ravel().tolist(), "Values": {k: float(v) for k, v in values.items()}}


def single(values):
    return np.float32(values).astype(float)


def listed(values):
    """Rows of numbers that float32 holds, in as few digits as tell them."""
    return [[float(str(np.float32(v))) for v in np.asarray(row).ravel()] for row in values]


main()
