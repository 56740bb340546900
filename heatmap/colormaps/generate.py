"""Writes what heatmap/colormap.go needs of matplotlib for each of its names:

- NAME.rgb, next to this file: the table of 256 RGB triples (768 bytes);
- ../testdata/matplotlib.json: the colors at 0, 0.25, 0.5, 0.75 and 1, which a
  test compares with the tables.

Made with matplotlib 3.11.2:

    python3 -m venv venv && venv/bin/pip install matplotlib==3.11.2
    venv/bin/python heatmap/colormaps/generate.py

matplotlib has a BSD license; viridis and inferno are CC0, turbo Apache-2.0
(Google), RdBu Apache-like (Cynthia Brewer, colorbrewer2.org).
"""

import json
import pathlib
import re

import matplotlib

here = pathlib.Path(__file__).parent
names = re.findall(r'\{name: "(\w+)"', (here.parent / "colormap.go").read_text())
spelling = {name.lower(): name for name in matplotlib.colormaps}

checks = {}
for name in names:
    table = matplotlib.colormaps[spelling[name]]
    triples = bytes(c for i in range(256) for c in table(i, bytes=True)[:3])
    assert table.N == 256 and len(triples) == 768
    (here / f"{name}.rgb").write_bytes(triples)
    checks[name] = [[int(c) for c in table(v, bytes=True)[:3]] for v in (0, 0.25, 0.5, 0.75, 1.0)]
lines = [f"{json.dumps(name)}: {json.dumps(colors)}" for name, colors in checks.items()]
(here.parent / "testdata/matplotlib.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
