"""Writes multilabel.json beside this file: what scikit-learn says of predictions of
several labels per image. Made with scikit-learn 1.9.1:

    python3 -m venv venv
    venv/bin/pip install scikit-learn==1.9.1
    venv/bin/python metric/testdata/multilabel.py
"""

import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, precision_recall_curve, precision_recall_fscore_support

warnings.simplefilter("ignore")
random = np.random.default_rng(11)
CLASSES = ["often", "rare", "never", "always", "tied", "unsaid"]
truth = (random.random((80, 6)) < [0.5, 0.1, 0.0, 1.0, 0.3, 0.2]).astype(int)
scores = np.clip(0.5 * truth + random.normal(0.3, 0.25, truth.shape), 0, 1)
scores[:, 4] = np.round(scores[:, 4] * 4) / 4  # many equal scores
scores = scores.astype(np.float32).astype(np.float64)
thresholds = np.array([0.5, 0.4, 0.5, 0.3, 0.5, 1.0])
said = (scores >= thresholds).astype(int)
said[:, 5] = 0

precision, recall, f1, support = precision_recall_fscore_support(truth, said, average=None, zero_division=0)
best = []  # the highest F1 over all thresholds
for c in range(6):
    p, r, _ = precision_recall_curve(truth[:, c], scores[:, c])
    f = np.divide(2 * p * r, p + r, out=np.zeros_like(p), where=p + r > 0)
    best.append(float(f.max()) if truth[:, c].any() else 0.0)

json.dump(
    {
        "script": "metric/testdata/multilabel.py",
        "scikit-learn": sklearn.__version__,
        "classes": CLASSES,
        "truth": truth.tolist(),
        "scores": scores.tolist(),
        "said": said.tolist(),
        "average_precision": [float(average_precision_score(truth[:, c], scores[:, c])) for c in range(6)],
        "mean_average_precision": float(average_precision_score(truth, scores, average="macro")),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "macro_f1": float(f1_score(truth, said, average="macro", zero_division=0)),
        "micro_f1": float(f1_score(truth, said, average="micro", zero_division=0)),
        "exact": float(accuracy_score(truth, said)),
        "best_f1": best,
    },
    open(pathlib.Path(__file__).with_name("multilabel.json"), "w"),
    separators=(",", ":"),
)
