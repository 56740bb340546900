"""What the contestants' scripts share: the protocol of doc.go, the material that
material.go wrote, and the way overlays are drawn and written.

A script ends in serve(JOBS, version). JOBS has, by a job's name, a function that
makes it ready and returns another that does so many pieces of it. In a cold job
the first does all of it.
"""

import functools
import json
import os
import sys
import time

import numpy as np

THREADS = int(os.environ["OSCAR_BENCH_THREADS"])
JOB, MATERIAL, OUT = sys.argv[-3:]
VARIANT = sys.argv[1]  # which of a script's contestants, if it has several
BATCH = 32
IMAGE_SIDE = 227
PRODUCT_SIDE, COPIED_BYTES = 4096, 1 << 28
STEPS = 50
SAMPLES = 1000
RATE = 5e-6

note = ""  # what a contestant chose, for the table


def serve(jobs, version):
    run = jobs[JOB]()
    if run is None:
        return
    say({"ready": True, "version": version, "note": note})
    for number, line in enumerate(sys.stdin):
        overlay.folder = os.path.join(OUT, str(number))  # every round writes new files
        os.makedirs(overlay.folder, exist_ok=True)
        run(int(line))
        say({"done": int(line)})


def say(message):
    print(json.dumps(message), flush=True)


def prove(**arrays):
    """Keeps what oscar's is held against."""
    for name, values in arrays.items():
        np.save(os.path.join(OUT, name + ".npy"), np.asarray(values, np.float32))


@functools.cache
def images():
    """[N,H,W,3], 0..255"""
    return np.load(os.path.join(MATERIAL, "images.npy"))


@functools.cache
def labels():
    return np.load(os.path.join(MATERIAL, "labels.npy")).astype(np.int64)


def weights(layer, role):
    return np.load(os.path.join(MATERIAL, "weights", layer, role + ".npy"))


def files():
    with open(os.path.join(MATERIAL, "files.txt")) as f:
        return f.read().splitlines()


def batches(pieces):
    """The slices of the images that so many pieces are, round and round."""
    count = len(images()) // BATCH
    for k in range(pieces // BATCH):
        yield slice(k % count * BATCH, (k % count + 1) * BATCH)


def copy(pieces):
    for _ in range(pieces):
        np.copyto(copy.there, copy.here)


def prepare_copy():
    copy.here, copy.there = np.ones(COPIED_BYTES // 4, np.float32), np.zeros(COPIED_BYTES // 4, np.float32)
    copy(1)
    return copy


def scaled(maps):
    """[N,H,W], not negative, to 0..1."""
    maps = np.asarray(maps)
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return (maps - low) / np.maximum(high - low, 1e-12)


def overlay(path, rgb, heat):
    """Colours heat [h,w], 0..1, lays it over rgb [H,W,3] and writes a JPEG."""
    import cv2

    large = cv2.resize(heat, (rgb.shape[1], rgb.shape[0]))
    colours = cv2.applyColorMap(np.uint8(255 * large), cv2.COLORMAP_JET)
    drawn = cv2.addWeighted(np.ascontiguousarray(rgb[..., ::-1]), 0.6, colours, 0.4, 0)
    if not cv2.imwrite(os.path.join(overlay.folder, os.path.basename(path)), drawn, [cv2.IMWRITE_JPEG_QUALITY, 92]):
        raise OSError(f"no overlay of {path}")


overlay.folder = OUT


def read(path):
    """A file as RGB, and as the network wants it."""
    import cv2

    rgb = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
    return rgb, cv2.resize(rgb, (IMAGE_SIDE, IMAGE_SIDE), interpolation=cv2.INTER_AREA)


def seconds(run, *arguments):
    begin = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - begin
