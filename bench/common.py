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
BFLOAT16 = os.environ.get("OSCAR_BENCH_PRECISION") == "bfloat16"
JOB, MATERIAL, OUT = sys.argv[-3:]
VARIANT = sys.argv[1]  # which of a script's contestants, if it has several
BATCH = 32
IMAGE_SIDE = 227
PRODUCT_SIDE, COPIED_BYTES = 4096, 1 << 28
STEPS = 50
SAMPLES = int(os.environ["OSCAR_BENCH_SAMPLES"])  # of RISE and LIME
CELLS, OPEN = 7, 0.5  # of RISE
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


def masks(count):
    """Masks of RISE [count,H,W], float32, drawn as the authors' code does: random cells,
    enlarged, cropped at a random shift. Drawn once, as there."""
    import cv2

    random, cell = np.random.default_rng(0), -(-IMAGE_SIDE // CELLS)
    out = np.empty((count, IMAGE_SIDE, IMAGE_SIDE), np.float32)
    for mask in out:
        grid = (random.random((CELLS, CELLS)) < OPEN).astype(np.float32)
        large = cv2.resize(grid, ((CELLS + 1) * cell,) * 2, interpolation=cv2.INTER_LINEAR)
        y, x = random.integers(0, cell, 2)
        mask[:] = large[y : y + IMAGE_SIDE, x : x + IMAGE_SIDE]
    return out


def rise(explain):
    """The job of RISE. explain(image, masks) returns sum_k f(image * mask_k) mask_k, [H,W],
    for the predicted class. What is proved is the map by oscar's own masks."""
    given = np.load(os.path.join(os.environ["OSCAR_BENCH_REFERENCE"], "masks.npy"))
    prove(rise=explain(images()[0], given) / (len(given) * OPEN))
    drawn = masks(SAMPLES)
    return each(lambda image: explain(image, drawn) / (SAMPLES * OPEN))


def each(explain):
    """The job of explaining one image after the other."""

    def run(pieces):
        for k in range(pieces):
            explain(images()[k % BATCH])

    return run


def channel_masks(features):
    """Masks of Score-CAM: the features [h,w,K] of an image, enlarged and scaled to 0..1,
    as [K,H,W]; a channel of one value masks all."""
    import cv2

    large = np.stack([cv2.resize(features[..., k], (IMAGE_SIDE, IMAGE_SIDE), interpolation=cv2.INTER_LINEAR) for k in range(features.shape[-1])])
    low, high = large.min(axis=(1, 2), keepdims=True), large.max(axis=(1, 2), keepdims=True)
    large -= low
    large *= np.where(high > low, 1 / np.maximum(high - low, 1e-30), 0)
    return large


def softmax(values, axis=-1):
    e = np.exp(values - values.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def parts(count):
    """Slices of a batch each; the last may be smaller."""
    return [slice(k, min(k + BATCH, count)) for k in range(0, count, BATCH)]


def batches(pieces):
    """The slices of the images that so many pieces are, round and round."""
    count = len(images()) // BATCH
    for k in range(pieces // BATCH):
        yield slice(k % count * BATCH, (k % count + 1) * BATCH)


def scaled(maps):
    """[N,H,W], not negative, to 0..1."""
    maps = np.asarray(maps)
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    return (maps - low) / np.maximum(high - low, 1e-12)


def overlay(path, rgb, heat):
    """Colors heat [h,w], 0..1, lays it over rgb [H,W,3] and writes a JPEG."""
    import cv2

    large = cv2.resize(heat, (rgb.shape[1], rgb.shape[0]))
    colors = cv2.applyColorMap(np.uint8(255 * large), cv2.COLORMAP_JET)
    drawn = cv2.addWeighted(np.ascontiguousarray(rgb[..., ::-1]), 0.6, colors, 0.4, 0)
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
