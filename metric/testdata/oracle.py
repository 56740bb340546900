"""Writes oracle.json beside this file: what scikit-learn, statsmodels and scipy
say of the same predictions. Made with scikit-learn 1.9.1, statsmodels 0.15.0,
scipy 1.17.1:

    python3 -m venv venv
    venv/bin/pip install scikit-learn==1.9.1 statsmodels==0.15.0 scipy==1.17.1
    venv/bin/python metric/testdata/oracle.py
"""

import json
import pathlib

import numpy as np
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, precision_recall_fscore_support
from statsmodels.stats.proportion import proportion_confint

CLASSES = ["cardboard", "glass", "metal", "paper", "plastic", "trash"]

random = np.random.default_rng(7)
logits = random.normal(size=(60, 6)).astype(np.float32)
truth = random.integers(0, 5, size=60)  # never "trash": support 0
logits[np.arange(60), truth] += 1.0
logits[:, 2] = -9  # "metal" is never predicted: precision 0/0
probabilities = softmax(logits, axis=1).astype(np.float32)
predicted = probabilities.argmax(axis=1)

labels = list(range(6))
precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
clipped = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)

wilson = []
for successes, n in [(0, 1), (1, 1), (0, 10), (10, 10), (1, 3), (7, 20), (455, 633), (2147, 2148), (50000, 100000)]:
    low, high = proportion_confint(successes, n, alpha=0.05, method="wilson")
    other = binomtest(successes, n).proportion_ci(confidence_level=0.95, method="wilson")
    assert abs(low - other.low) < 1e-12 and abs(high - other.high) < 1e-12
    wilson.append({"successes": successes, "n": n, "low": float(low), "high": float(high)})

json.dump(
    {
        "classes": CLASSES,
        "truth": truth.tolist(),
        "predicted": predicted.tolist(),
        "probabilities": [[float(p) for p in row] for row in probabilities],
        "counts": confusion_matrix(truth, predicted, labels=labels).tolist(),
        "accuracy": accuracy_score(truth, predicted),
        "per_class": [
            {"class": c, "precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for c, p, r, f, s in zip(CLASSES, precision, recall, f1, support)
        ],
        "macro_f1": f1_score(truth, predicted, labels=labels, average="macro", zero_division=0),
        "log_loss": -float(np.log(clipped[np.arange(60), truth]).mean()),
        "sklearn_log_loss": float(log_loss(truth, probabilities, labels=labels)),
        "wilson": wilson,
    },
    open(pathlib.Path(__file__).with_name("oracle.json"), "w"),
    separators=(",", ":"),
)
