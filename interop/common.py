"""What the scripts here share.

A script load_TOOL.py is run with folders as its arguments. Each holds

    saved_model/                the model
    signatures.json             those to run: a list of names
    in/CASE/image.npy           [N,H,W,3]
    in/CASE/class.npy           [N], written as float32

and gets, all as float32,

    out/TOOL/SIGNATURE/CASE/OUTPUT.npy
    out/TOOL/facts.json         what else the tool says of the model; "version"
"""

import json
import os
import sys

import numpy as np


SERVING = ["serving_default", "serve"]  # they take an image; the others a class, too


def run(tool, version, load):
    """Runs every case of every folder. load(folder, names) returns facts, a dict,
    and for each signature a function(image=, class=) that returns its outputs by
    name; where it takes an image only, class is left out."""
    for folder in sys.argv[1:]:
        with open(os.path.join(folder, "signatures.json")) as f:
            facts, signatures = load(folder, json.load(f))
        facts["version"] = version
        for name, function in signatures.items():
            for case, inputs in cases(folder):
                if name in SERVING:
                    inputs = {"image": inputs["image"]}
                save(os.path.join(folder, "out", tool, name, case), function(**inputs))
        with open(os.path.join(folder, "out", tool, "facts.json"), "w") as f:
            json.dump(facts, f)


def cases(folder):
    """Yields each case's name and inputs."""
    for case in sorted(os.listdir(os.path.join(folder, "in"))):
        array = lambda name: np.load(os.path.join(folder, "in", case, name + ".npy"))
        yield case, {"image": array("image"), "class": array("class").astype(np.int64)}


def save(directory, outputs):
    os.makedirs(directory)
    for name, value in outputs.items():
        np.save(os.path.join(directory, name + ".npy"), np.asarray(value, np.float32))


def model(folder):
    return os.path.join(folder, "saved_model")
