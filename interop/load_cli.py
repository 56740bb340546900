"""saved_model_cli run, with arrays from and to .npy files."""

import os
import tempfile

import common
import numpy as np
import tensorflow as tf
from absl import flags
from tensorflow.python.tools import saved_model_cli


def load(folder, names):
    def run(signature):
        def call(**inputs):
            with tempfile.TemporaryDirectory() as scratch:
                given = []
                for name, value in inputs.items():
                    path = os.path.join(scratch, name + ".npy")
                    np.save(path, value)
                    given.append(name + "=" + path)
                out = os.path.join(scratch, "out")
                cli("run", "--dir", common.model(folder), "--tag_set", "serve", "--signature_def", signature,
                    "--inputs", ";".join(given), "--outdir", out)  # fmt: skip
                return {f.removesuffix(".npy"): np.load(os.path.join(out, f)) for f in os.listdir(out)}

        return call

    return {}, {name: run(name) for name in names}


def cli(*arguments):
    """What the command saved_model_cli does, without starting TensorFlow anew."""
    flags.FLAGS(["saved_model_cli", *arguments])
    saved_model_cli.create_parser().parse_args(arguments[:1]).func()


common.run("saved_model_cli", f"saved_model_cli of TensorFlow {tf.__version__}", load)
