"""Writes compare.json beside this file: what statsmodels and scipy say when two
classifiers, or two samples, are compared. Made with statsmodels 0.15.0, scipy
1.17.1:

    python3 -m venv venv
    venv/bin/pip install statsmodels==0.15.0 scipy==1.17.1
    venv/bin/python metric/testdata/compare.py
"""

import json
import pathlib

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

tests = []
for a, b in [(0, 0), (1, 0), (0, 5), (5, 0), (6, 6), (3, 9), (10, 24), (121, 59), (40, 41), (700, 1), (3000, 3100)]:
    p = float(mcnemar([[50, a], [b, 50]], exact=True).pvalue) if a + b else 1.0
    if a + b:
        assert abs(p - stats.binomtest(a, a + b).pvalue) < 1e-9
    tests.append({"only_a": a, "only_b": b, "p": p})

random = np.random.default_rng(11)
means, pairs = [], []
for n in [2, 3, 5, 40]:
    values = random.normal(0.7, 0.1, n)
    low, high = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
    means.append({"values": values.tolist(), "mean": float(values.mean()), "low": float(low), "high": float(high)})
for n, m in [(2, 2), (3, 2), (5, 9)]:
    a, b = random.normal(0.7, 0.1, n), random.normal(0.6, 0.3, m)
    compare = CompareMeans(DescrStatsW(a), DescrStatsW(b))
    pooled = compare.tconfint_diff(usevar="pooled")
    welch = compare.tconfint_diff(usevar="unequal")
    pairs.append({
        "a": a.tolist(), "b": b.tolist(), "difference": float(a.mean() - b.mean()),
        "pooled": [float(x) for x in pooled], "welch": [float(x) for x in welch],
    })

json.dump({"mcnemar": tests, "means": means, "pairs": pairs}, open(pathlib.Path(__file__).with_name("compare.json"), "w"), separators=(",", ":"))
