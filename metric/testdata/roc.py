"""Writes roc.json beside this file: scikit-learn's curves of each class against the
rest, their areas, and the mean area. Made with scikit-learn 1.9.1:

    python3 -m venv venv
    venv/bin/pip install scikit-learn==1.9.1
    venv/bin/python metric/testdata/roc.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.metrics import roc_auc_score, roc_curve

random = np.random.default_rng(16)


def case(truth, scores):
    curves = []
    for c in range(scores.shape[1]):
        false, true, thresholds = roc_curve(truth == c, scores[:, c])
        assert thresholds[0] == np.inf
        curves.append({"false": false.tolist(), "true": true.tolist(), "thresholds": thresholds[1:].tolist(), "auc": float(roc_auc_score(truth == c, scores[:, c]))})
    if scores.shape[1] > 2:
        macro = float(roc_auc_score(truth, scores, multi_class="ovr", average="macro"))
    else:
        macro = float(np.mean([c["auc"] for c in curves]))
    return {"truth": truth.tolist(), "scores": scores.tolist(), "curves": curves, "macro": macro}


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


truth = random.choice(4, 120, p=[0.5, 0.3, 0.15, 0.05])
logits = random.normal(size=(120, 4)) + 1.2 * np.eye(4)[truth]
plain = softmax(logits).astype(np.float32).astype(np.float64)
plain /= plain.sum(axis=1, keepdims=True)
quarters = np.round(random.dirichlet([1, 1, 1], 60) * 4) / 4  # many equal scores
quarters[:, 2] = 1 - quarters[:, 0] - quarters[:, 1]
perfect = np.array([0, 0, 0, 1, 1])
json.dump(
    {
        "script": "metric/testdata/roc.py",
        "scikit-learn": sklearn.__version__,
        "cases": {
            "plain": case(truth, plain),
            "equal scores": case(random.integers(0, 3, 60), quarters),
            "perfect, and one score": case(perfect, np.stack([1.0 - perfect, np.full(5, 0.5)], axis=1)),
        },
    },
    open(pathlib.Path(__file__).with_name("roc.json"), "w"),
    separators=(",", ":"),
)
