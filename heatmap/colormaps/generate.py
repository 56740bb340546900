"""Writes the colour tables beside this file: 256 RGB triples (768 bytes) each,
exactly those of matplotlib. Made with matplotlib 3.11.2:

    python3 -m venv venv && venv/bin/pip install matplotlib==3.11.2
    venv/bin/python heatmap/colormaps/generate.py

A new map: its name here and in heatmap/colormap.go. matplotlib's licence is a
BSD one; viridis and inferno are CC0, turbo Apache-2.0 (Google), RdBu
Apache-like (Cynthia Brewer, colorbrewer2.org).
"""

import pathlib

import matplotlib

NAMES = ["jet", "viridis", "turbo", "inferno", "gray", "RdBu_r", "seismic"]

for name in NAMES:
    table = matplotlib.colormaps[name]
    triples = bytes(c for i in range(256) for c in table(i, bytes=True)[:3])
    assert table.N == 256 and len(triples) == 768
    (pathlib.Path(__file__).parent / f"{name.lower()}.rgb").write_bytes(triples)
