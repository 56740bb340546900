#!/usr/bin/env python3
"""Writes testdata/masks.json and testdata/coco.json beside this file: what
pycocotools makes of random polygons, masks and detections, for the tests of
instance/mask and instance/coco. `make oracles` runs it.

  polygons  frPyObjects: corners outside of the picture, of one point, crossing
            themselves; the corners are 16ths of a pixel
  pairs     area, toBbox and iou of masks of random ellipses, also of a crowd
  coco      COCOeval's twelve numbers of boxes and of masks: crowds, images
            without objects or without detections, equal scores, ids with gaps,
            more than 100 detections. A detection that has a box and a mask gets
            the box's area from pycocotools; here, as in torchvision, detections
            of masks have no box.
"""

import contextlib
import datetime
import importlib.metadata
import io
import json
import pathlib
import platform

import numpy as np
from pycocotools import mask as api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

TESTDATA = pathlib.Path(__file__).parent / "testdata"


def main():
    random = np.random.default_rng(11)
    made = {
        "script": "oracles/instances/make.py",
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ["numpy", "pycocotools"]},
    }
    TESTDATA.mkdir(exist_ok=True)
    write("masks.json", {"Made": made, "Polygons": [polygon(random, i) for i in range(500)], "Pairs": [pair(random) for _ in range(500)]})
    write("coco.json", {"Made": made, **detections(random)})


def write(name, document):
    text = ",\n".join(f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in document.items())
    (TESTDATA / name).write_text("{\n" + text + "\n}\n")


def polygon(random, i):
    height, width = (int(n) for n in random.integers(1, 70, 2))
    corners = int(random.integers(3, 9))
    low, high = (-0.3, 1.3) if i % 3 == 0 else (0, 1)
    xy = np.round(random.uniform(low, high, (corners, 2)) * [width, height] * 16) / 16
    if i % 5 == 0:
        xy = np.round(xy)  # whole pixels
    if i % 20 == 0:
        xy[1] = xy[0]  # an edge without length
    if i % 50 == 7:
        xy[:] = xy[0]
    runs = api.frPyObjects([xy.flatten().tolist()], height, width)[0]
    return {"Height": height, "Width": width, "Corners": xy.flatten().tolist(), "Runs": runs["counts"].decode()}


def ellipse(random, height, width):
    y, x = np.mgrid[:height, :width]
    cy, cx = random.uniform(0, height), random.uniform(0, width)
    ry, rx = random.uniform(0.5, height / 2), random.uniform(0.5, width / 2)
    return ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1


def encode(pixels):
    return api.encode(np.asfortranarray(pixels.astype(np.uint8)))


def pair(random):
    height, width = (int(n) for n in random.integers(1, 60, 2))
    a, b = (encode(ellipse(random, height, width)) for _ in range(2))
    crowd = int(random.integers(2))
    return {
        "Height": height, "Width": width, "A": a["counts"].decode(), "B": b["counts"].decode(), "Crowd": bool(crowd),
        "Area": int(api.area(a)), "Box": api.toBbox(a).tolist(), "IoU": float(api.iou([a], [b], [crowd])[0][0]),
        "BoxIoU": float(api.iou([api.toBbox(a)], [api.toBbox(b)], [crowd])[0][0]),
    }  # fmt: skip


def detections(random):
    """Objects, and detections that are the objects shifted, doubled, renamed, lost or made up."""
    images, annotations, results = [], [], []
    categories = [{"id": int(c), "name": name} for c, name in ((7, "can"), (2, "bottle"), (30, "paper"), (4, "never"))]
    for i in range(40):
        height, width = int(random.integers(100, 180)), int(random.integers(100, 200))
        images.append({"id": 1000 - 7 * i, "file_name": f"{i}.png", "height": height, "width": width})
        crowded = i == 5
        for k in range(0 if i % 9 == 4 else int(random.integers(1, 6))):
            pixels = ellipse(random, height, width)
            if not pixels.any():
                continue
            runs = encode(pixels)
            runs["counts"] = runs["counts"].decode()
            crowd = int(random.random() < 0.12)
            segmentation = runs
            if k == 0:
                x, y = random.uniform(0, width / 2), random.uniform(0, height / 2)
                w, h = random.uniform(5, width / 2), random.uniform(5, height / 2)
                segmentation = [[round(float(v), 2) for v in (x, y, x + w, y + h / 5, x + w / 2, y + h)]]
                runs = api.frPyObjects(segmentation, height, width)[0]
                crowd = 0
            if crowd:  # its run lengths as a list
                flat, counts, last = api.decode(runs).flatten(order="F"), [0], 0
                for v in flat:
                    if v != last:
                        counts.append(0)
                        last = v
                    counts[-1] += 1
                segmentation = {"size": [height, width], "counts": counts}
            category = int(random.choice([7, 2, 30], p=[0.5, 0.3, 0.2]))
            annotations.append({
                "id": 11 + 3 * len(annotations), "image_id": images[-1]["id"], "category_id": category, "iscrowd": crowd,
                "area": float(api.area(runs)), "bbox": api.toBbox(runs).tolist(), "segmentation": segmentation,
            })  # fmt: skip
            own = api.decode(runs)
            for _ in range(60 if crowded else int(random.integers(0, 4))):
                dy, dx = (int(n) for n in random.integers(-9, 10, 2) // (1 + int(random.integers(4))))
                moved = np.roll(own, (dy, dx), (0, 1))
                named = category if random.random() < 0.8 else int(random.choice([7, 2, 30, 4]))
                add(results, images[-1], named, moved, random)
        if i % 4 == 1 and i % 9 != 5:
            add(results, images[-1], int(random.choice([7, 2, 30, 4])), ellipse(random, height, width), random)
    truth = {"images": images, "annotations": annotations, "categories": categories}
    return {"Truth": truth, "Results": results, "bbox": judge(truth, results, "bbox"), "segm": judge(truth, results, "segm")}


def add(results, image, category, pixels, random):
    runs = encode(pixels)
    runs["counts"] = runs["counts"].decode()
    box = [round(float(v + random.uniform(-1, 1)), 2) for v in api.toBbox(runs)]
    box[2:] = [max(v, 1) for v in box[2:]]
    score = round(float(random.random()), 2)  # some are equal
    results.append({"image_id": image["id"], "category_id": category, "bbox": box, "score": score, "segmentation": runs})


def judge(truth, results, kind):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = json.loads(json.dumps(truth))
        coco.createIndex()
        found = json.loads(json.dumps(results))
        if kind == "segm":
            for r in found:
                del r["bbox"]
        evaluation = COCOeval(coco, coco.loadRes(found), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(v) for v in evaluation.stats]


main()
