#!/usr/bin/env python3
"""Writes testdata/maskrcnn.json beside this file: what torchvision's Mask R-CNN makes
of the same boxes, features and logits, for the tests of instance/maskrcnn. `make
oracles` runs it.

  anchors     AnchorGenerator
  matches     Matcher of the region proposal network: 0.7, 0.3, low quality
  codes       BoxCoder, encode and decode
  align       roi_align and its gradient, aligned=True, two samples; the level of
              each region by LevelMapper
  nms         ops.nms of crowds
  proposals   RegionProposalNetwork.filter_proposals
  detections  RoIHeads.postprocess_detections
  losses      RegionProposalNetwork.compute_loss, its sampler replaced by all
              anchors; fastrcnn_loss; maskrcnn_loss, with roi_align as above

torchvision's pooler has aligned=False, and its mask targets take as many samples as
a cell has pixels; oscar takes two, aligned. Everything else is torchvision's.
"""

import datetime
import importlib.metadata
import json
import pathlib
import platform

import torch
from torchvision import ops
from torchvision.models.detection import _utils, roi_heads
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.ops.poolers import LevelMapper

TESTDATA = pathlib.Path(__file__).parent / "testdata"
SIDE, STRIDES, SIZES, RATIOS, CLASSES = 64, (4, 8, 16), (8, 16, 32), (0.5, 1.0, 2.0), 3


def main():
    torch.manual_seed(3)
    torch.set_num_threads(1)
    document = {
        "Made": {
            "script": "oracles/maskrcnn/make.py",
            "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ["torch", "torchvision"]},
        },
        "Anchors": listed(anchors()),
        "Matches": [matches(n) for n in (0, 1, 4, 7)],
        "Codes": codes(),
        "Align": align(),
        "NMS": [nms() for _ in range(20)],
        "Proposals": proposals(),
        "Detections": detections(),
        "Losses": losses(),
    }
    TESTDATA.mkdir(exist_ok=True)
    text = ",\n".join(f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in document.items())
    (TESTDATA / "maskrcnn.json").write_text("{\n" + text + "\n}\n")


def listed(t):
    """The numbers of a tensor, as float32 has them, with few digits."""
    if t.dtype in (torch.int64, torch.int32, torch.bool):
        return t.flatten().int().tolist()
    return [float(f"{v:.8g}") for v in t.flatten().float().tolist()]


def boxes(*shape, least=2.0):
    a = torch.rand(*shape, 2) * (SIDE - least)
    b = a + least + torch.rand(*shape, 2) * (SIDE - least - a)
    return torch.cat([a, b], -1)


def generator():
    return AnchorGenerator(tuple((s,) for s in SIZES), (RATIOS,) * len(SIZES))


def anchors():
    features = [torch.zeros(1, 1, SIDE // s, SIDE // s) for s in STRIDES]
    return generator()(ImageList(torch.zeros(1, 3, SIDE, SIDE), [(SIDE, SIDE)]), features)[0]


def matches(n):
    true = boxes(n)
    if n == 0:
        return {"Boxes": [], "Matched": [-1] * len(anchors())}
    matcher = _utils.Matcher(0.7, 0.3, allow_low_quality_matches=True)
    return {"Boxes": listed(true), "Matched": listed(matcher(ops.box_iou(true, anchors())))}


def codes():
    a, b, shifts = boxes(40), boxes(40), torch.randn(40, 4) * 3
    out = {"From": listed(a), "To": listed(b), "Shifts": listed(shifts)}
    for name, weights in (("Plain", (1.0, 1.0, 1.0, 1.0)), ("Head", (10.0, 10.0, 5.0, 5.0))):
        coder = _utils.BoxCoder(weights)
        out[name + "Encoded"] = listed(coder.encode_single(b, a))
        out[name + "Decoded"] = listed(coder.decode_single(shifts, a))
    return out


def align():
    features = torch.randn(2, 5, 16, 16).requires_grad_()
    regions = boxes(2, 6)
    regions[0, 0] = torch.tensor([0.0, 0.0, 64.0, 64.0])
    regions[0, 1] = torch.tensor([10.0, 10.0, 10.5, 64.0])
    y = ops.roi_align(features, list(regions), (7, 7), 1 / 4, 2, aligned=True)
    dy = torch.randn(y.shape)
    (y * dy).sum().backward()
    nhwc = (0, 2, 3, 1)
    return {
        "Features": listed(features.detach().permute(nhwc)), "Regions": listed(regions),
        "Cells": listed(y.detach().permute(nhwc)), "CellsGradient": listed(dy.permute(nhwc)),
        "FeaturesGradient": listed(features.grad.permute(nhwc)),
        "Level": listed(LevelMapper(2, 4, canonical_scale=32, canonical_level=4)(list(regions))),
    }  # fmt: skip


def nms():
    middle = torch.rand(6, 2) * SIDE
    center = middle[torch.randint(6, (60,))] + torch.randn(60, 2) * 3
    size = 6 + torch.rand(60, 2) * 20
    b = torch.cat([center - size / 2, center + size / 2], 1)
    scores = torch.rand(60).sort(descending=True).values
    kept = torch.zeros(60)
    kept[ops.nms(b, scores, 0.5)] = 1
    return {"Boxes": listed(b), "Kept": listed(kept)}


def network():
    n = {"training": 40, "testing": 40}
    return RegionProposalNetwork(generator(), RPNHead(4, 3), 0.7, 0.3, 256, 0.5, n, {"training": 20, "testing": 20}, 0.7).eval()


def proposals():
    a = anchors()
    per_level = [3 * (SIDE // s) ** 2 for s in STRIDES]
    logits, shifts = torch.randn(2, len(a)) * 2, torch.randn(2, len(a), 4) * 0.4
    rpn = network()
    decoded = rpn.box_coder.decode(shifts.view(-1, 4), [a, a]).view(2, -1, 4)
    found, scores = rpn.filter_proposals(decoded, logits.view(-1, 1), [(SIDE, SIDE)] * 2, per_level)
    assert [len(f) for f in found] == [20, 20]
    return {"Logits": listed(logits), "Shifts": listed(shifts), "Boxes": listed(torch.stack(found)), "Scores": listed(torch.stack(scores))}


def heads():
    return roi_heads.RoIHeads(None, None, None, 0.5, 0.5, 48, 0.25, None, 0.05, 0.5, 12)


def detections():
    regions, logits, corrections = boxes(2, 30), torch.randn(60, CLASSES + 1) * 2, torch.randn(60, 4 * (CLASSES + 1))
    found, scores, labels = heads().postprocess_detections(logits, corrections, list(regions), [(SIDE, SIDE)] * 2)
    return {
        "Regions": listed(regions), "Logits": listed(logits), "Corrections": listed(corrections[:, 4:]),
        "Counts": [len(f) for f in found], "Boxes": listed(torch.cat(found)), "Scores": listed(torch.cat(scores)), "Classes": listed(torch.cat(labels) - 1),
    }  # fmt: skip


def losses():
    logits, shifts = torch.randn(2, 10), torch.randn(2, 10, 4) * 0.3
    labels, wanted = (torch.rand(2, 10) < 0.3).float(), torch.randn(2, 10, 4) * 0.3
    rpn = network()
    rpn.fg_bg_sampler = lambda labels: ([l >= 1 for l in labels], [l == 0 for l in labels])
    object_loss, shift_loss = rpn.compute_loss(logits.view(-1, 1), shifts.view(-1, 4), list(labels), list(wanted))

    names, corrections = torch.randn(12, CLASSES + 1), torch.randn(12, 4 * (CLASSES + 1)) * 0.3
    classes = torch.cat([torch.randint(1, CLASSES + 1, (4,)), torch.zeros(8, dtype=torch.int64)])
    targets = torch.randn(12, 4) * 0.3
    name_loss, correction_loss = roi_heads.fastrcnn_loss(names, corrections, [classes], [targets])

    regions, masks = boxes(4), (torch.nn.functional.avg_pool2d(torch.randn(2, SIDE, SIDE), 9, 1, 4) > 0).float()
    drawn = torch.randn(4, CLASSES + 1, 14, 14)
    matched = torch.tensor([0, 1, 1, 0])
    plain = roi_heads.roi_align
    roi_heads.roi_align = lambda x, rois, size, scale: ops.roi_align(x, rois, size, scale, 2, aligned=True)
    mask_loss = roi_heads.maskrcnn_loss(drawn, [regions], [masks], [classes], [matched])
    cut = roi_heads.project_masks_on_boxes(masks, regions, matched, 14)
    roi_heads.roi_align = plain
    return {
        "Logits": listed(logits), "Shifts": listed(shifts), "Labels": listed(labels), "WantedShifts": listed(wanted),
        "Names": listed(names), "Corrections": listed(corrections[:, 4:]), "Classes": listed(classes), "WantedCorrections": listed(targets),
        "Regions": listed(regions), "Masks": listed(masks), "Matched": listed(matched), "Drawn": listed(drawn[:, 1:].permute(0, 2, 3, 1)),
        "Cut": listed(cut), "Five": listed(torch.stack([object_loss, shift_loss, name_loss, correction_loss, mask_loss])),
    }  # fmt: skip


main()
