"""Writes audit.json beside this file: what cleanlab says of labels of which some are
switched, and scipy of the temperature of logits. Made with cleanlab 2.9.0, scipy
1.17.1.
"""

import json
import pathlib

import numpy as np
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from cleanlab.filter import find_label_issues
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

random = np.random.default_rng(11)
truth = random.integers(0, 5, size=300)
logits = (random.normal(size=(300, 5)) + 2.5 * np.eye(5)[truth]).astype(np.float32)
labels = truth.copy()
switched = random.choice(300, 20, replace=False)
labels[switched] = (labels[switched] + random.integers(1, 5, size=20)) % 5
probabilities = softmax(logits.astype(np.float64), axis=1).astype(np.float32)
# Where several classes are above their thresholds, the paper takes the most probable of
# them, cleanlab the most probable of all classes: the same here.
thresholds = get_confident_thresholds(labels, probabilities)
above = probabilities >= thresholds - 1e-6
several = above.sum(axis=1) > 1
assert above[several, probabilities[several].argmax(axis=1)].all()

issues = find_label_issues(labels, probabilities, filter_by="confident_learning", return_indices_ranked_by="self_confidence")
joint = compute_confident_joint(labels, probabilities, calibrate=False)
shrunk = (logits * 3).astype(np.float32)  # too sure
loss = lambda t: -log_softmax(shrunk.astype(np.float64) / t, axis=1)[np.arange(300), truth].mean()
best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-9})

json.dump({
    "labels": labels.tolist(), "truth": truth.tolist(), "probabilities": probabilities.tolist(), "thresholds": thresholds.tolist(),
    "joint": joint.tolist(), "issues": issues.tolist(),
    "logits": shrunk.tolist(), "temperature": best.x, "before": loss(1), "after": best.fun,
}, open(pathlib.Path(__file__).with_name("audit.json"), "w"))
