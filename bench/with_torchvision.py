"""torchvision's Mask R-CNN, put together from its own parts in oscar's size and with oscar's
weights (docs/design/0018-instances.md). It differs from torchvision's defaults where oscar
does: RoIAlign is aligned and takes two samples a cell, also of mask targets, and an image has
12 places for regions of objects and 36 for background. TensorFlow pads strided windows below
and on the right. oscar enlarges masks by a 1x1 convolution and DepthToSpace, which is
ConvTranspose2d(2, 2) with a bias for each of the four pixels: here Conv2d and PixelShuffle.
In bfloat16 all runs under autocast but RoIAlign and the coordinates of boxes."""

import collections
import json
import os

import common
import numpy as np
import torch
import torchvision
from torch import nn
from torchvision import ops
from torchvision.models.detection import MaskRCNN, roi_heads
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.models.detection.rpn import RPNHead
from with_torch import VERSION, precision

BATCH, SIDE, CLASSES, CHANNELS = 8, 256, 6, 64
LEVELS, SIZES, RATIOS = ["0", "1", "2"], (32, 64, 128), (0.5, 1.0, 2.0)
OBJECTS, BACKGROUND = 12, 36  # regions of an image in training
DRAWS = 16  # random draws whose mean losses are proved
CLEARLY = 0.3  # score of detections that are compared in bfloat16
DECAY = 0.01


def load(name):
    return np.load(os.path.join(common.MATERIAL, "detector", name + ".npy"))


def aligned(features, regions, output_size, spatial_scale=1.0, sampling_ratio=2):
    return ops.roi_align(features.float(), regions, output_size, spatial_scale, 2, aligned=True)


ops.poolers.roi_align = roi_heads.roi_align = aligned


def weight(name):
    """A variable of oscar's, None if there is none; kernels of convolutions as PyTorch has them."""
    if not os.path.exists(os.path.join(common.MATERIAL, "detector", "weights", name + ".npy")):
        return None
    value = torch.from_numpy(load("weights/" + name))
    return (value.permute(3, 2, 0, 1) if value.dim() == 4 else value.T if value.dim() == 2 else value).contiguous()


def fill(module, name):
    """Gives a convolution or a linear layer oscar's weights."""
    bias = weight(name + "/bias")
    module.weight.data = weight(name + "/kernel")
    module.bias = None if bias is None else nn.Parameter(bias)
    return module


def convolution(name, stride=1):
    filters, channels, size, _ = weight(name + "/kernel").shape
    if stride == 1:
        return fill(nn.Conv2d(channels, filters, size, padding=size // 2), name)
    module, more = fill(nn.Conv2d(channels, filters, size, stride), name), max(size - stride, 0)
    return nn.Sequential(nn.ZeroPad2d((more // 2, more - more // 2) * 2), module) if more else module


def normalized(name):
    gamma = weight(name + "/gamma")
    module = nn.BatchNorm2d(len(gamma), eps=1e-3, momentum=0.1)
    module.weight.data, module.bias.data = gamma, weight(name + "/beta")
    module.running_mean, module.running_var = weight(name + "/moving_mean"), weight(name + "/moving_variance")
    return module


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, name, stride):
        super().__init__()
        self.body = nn.Sequential(
            convolution(name + "/conv1", stride), normalized(name + "/bn1"), nn.ReLU(inplace=True),
            convolution(name + "/conv2"), normalized(name + "/bn2"),
        )  # fmt: skip
        projects = weight(name + "/conv0/kernel") is not None
        self.shortcut = nn.Sequential(convolution(name + "/conv0", stride), normalized(name + "/bn0")) if projects else nn.Identity()

    def forward(self, x):
        return torch.relu_(self.body(x) + self.shortcut(x))


class Backbone(nn.Module):
    """resnet10 and the pyramid over its last three blocks."""

    def __init__(self):
        super().__init__()
        self.out_channels = CHANNELS
        self.stem = nn.Sequential(convolution("conv1", 2), normalized("bn1"), nn.ReLU(inplace=True), Block("block1", 1))
        self.blocks = nn.ModuleList([Block(f"block{k}", 2) for k in (2, 3, 4)])
        self.pyramid = ops.FeaturePyramidNetwork([64, 128, 256], CHANNELS)
        for k in range(3):
            fill(self.pyramid.inner_blocks[k][0], f"pyramid/lateral{k + 1}")
            fill(self.pyramid.layer_blocks[k][0], f"pyramid/smooth{k + 1}")

    def forward(self, x):
        x, levels = self.stem(x), collections.OrderedDict()
        for name, block in zip(LEVELS, self.blocks):
            levels[name] = x = block(x)
        return self.pyramid(levels)


class Sampler:
    """Draws the regions of each image for training the heads."""

    def __call__(self, matched):
        def draw(some, count):
            where = torch.where(some)[0]
            drawn = torch.zeros_like(some, dtype=torch.uint8)
            drawn[where[torch.randperm(len(where))[:count]]] = 1
            return drawn

        return [draw(labels >= 1, OBJECTS) for labels in matched], [draw(labels == 0, BACKGROUND) for labels in matched]


def box_head():
    linear = fill(nn.Linear(7 * 7 * CHANNELS, 256), "box/fc1")
    # oscar flattens height, width, channel; PyTorch channel, height, width
    linear.weight.data = linear.weight.data.reshape(256, 7, 7, CHANNELS).permute(0, 3, 1, 2).reshape(256, -1).contiguous()
    return nn.Sequential(nn.Flatten(), linear, nn.ReLU(inplace=True))


def box_predictor():
    module = FastRCNNPredictor(256, CLASSES + 1)
    fill(module.cls_score, "box/class")
    correction = fill(nn.Linear(256, 4 * CLASSES), "box/correction")
    with torch.no_grad():  # torchvision has corrections of background too, which nothing uses
        for mine, theirs in ((module.bbox_pred.weight, correction.weight), (module.bbox_pred.bias, correction.bias)):
            mine.zero_()
            mine[4:] = theirs
    return module


def mask_predictor():
    enlarge = fill(nn.Conv2d(CHANNELS, 4 * CHANNELS, 1), "mask/enlarge")
    # DepthToSpace has the channels of a pixel together, PixelShuffle the pixels of a channel
    order = torch.arange(4 * CHANNELS).reshape(4, CHANNELS).T.flatten()
    enlarge.weight.data, enlarge.bias.data = enlarge.weight.data[order].contiguous(), enlarge.bias.data[order].contiguous()
    draw = fill(nn.Conv2d(CHANNELS, CLASSES, 1), "mask/class")
    background = nn.Conv2d(CHANNELS, CLASSES + 1, 1)
    with torch.no_grad():
        for mine, theirs in ((background.weight, draw.weight), (background.bias, draw.bias)):
            mine.zero_()
            mine[1:] = theirs
    return nn.Sequential(enlarge, nn.PixelShuffle(2), nn.ReLU(inplace=True), background)


def network():
    region_head = RPNHead(CHANNELS, len(RATIOS))
    fill(region_head.conv[0][0], "region/conv")
    fill(region_head.cls_logits, "region/object")
    fill(region_head.bbox_pred, "region/shift")
    mask_head = MaskRCNNHeads(CHANNELS, (CHANNELS, CHANNELS), 1)
    for k in range(2):
        fill(mask_head[k][0], f"mask/conv{k + 1}")
    pool = lambda size: ops.MultiScaleRoIAlign(LEVELS, size, 2, canonical_scale=128, canonical_level=4)
    net = MaskRCNN(
        Backbone(), min_size=SIDE, max_size=SIDE, image_mean=[127.5] * 3, image_std=[127.5] * 3, _skip_resize=True,
        rpn_anchor_generator=AnchorGenerator(tuple((s,) for s in SIZES), (RATIOS,) * 3), rpn_head=region_head,
        rpn_pre_nms_top_n_train=400, rpn_post_nms_top_n_train=150, rpn_pre_nms_top_n_test=300, rpn_post_nms_top_n_test=100,
        box_roi_pool=pool(7), box_head=box_head(), box_predictor=box_predictor(), box_detections_per_img=20, box_batch_size_per_image=OBJECTS + BACKGROUND,
        mask_roi_pool=pool(14), mask_head=mask_head, mask_predictor=mask_predictor(),
    )  # fmt: skip
    net.roi_heads.fg_bg_sampler = Sampler()
    if common.BFLOAT16:
        for module in (net.rpn.head, net.roi_heads.box_predictor, net.roi_heads.mask_predictor):
            module.register_forward_hook(lambda module, inputs, outputs: floats(outputs))
    return net


def floats(outputs):
    if isinstance(outputs, torch.Tensor):
        return outputs.float()
    return type(outputs)(floats(o) for o in outputs)


def as_input(images):
    """[N,H,W,3] to a list of [3,H,W]"""
    return list(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous())


def pictures():
    images = load("images")
    return [as_input(images[k : k + BATCH]) for k in range(0, len(images), BATCH)]


def faster(net, step):
    """Puts net into the layout of memory in which step() takes less time."""
    took = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        net.to(memory_format=layout)
        step()
        took[layout] = min(common.seconds(step) for _ in range(3))
    best = min(took, key=took.get)
    net.to(memory_format=best)
    common.note = "channels last" if best == torch.channels_last else "contiguous"


def targets():
    """The objects of each image in memory, in batches."""
    objects, masks, out = load("objects"), load("masks").astype(np.uint8), []
    for k in range(len(load("images"))):
        own = objects[:, 0] == k
        out.append({
            "boxes": torch.from_numpy(objects[own, 2:]), "labels": torch.from_numpy(objects[own, 1].astype(np.int64) + 1),
            "masks": torch.from_numpy(masks[own]),
        })  # fmt: skip
    return [out[k : k + BATCH] for k in range(0, len(out), BATCH)]


def train():
    net, xs, ys = network().train(), pictures(), targets()
    kernels = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() < 2]

    def losses(x, y):
        with precision():
            return net(x, y)

    with torch.no_grad():
        drawn = [list(losses(xs[0], ys[0]).items()) for _ in range(DRAWS)]
    mean = {name: np.mean([float(dict(one)[name]) for one in drawn]) for name, _ in drawn[0]}
    common.prove(losses=[mean["loss_" + name] for name in ("objectness", "rpn_box_reg", "classifier", "box_reg", "mask")])
    optimizer = torch.optim.AdamW([{"params": kernels, "weight_decay": DECAY}, {"params": others, "weight_decay": 0}], common.RATE, eps=1e-7)

    def step(k=0):
        optimizer.zero_grad()
        loss = sum(losses(xs[k % len(xs)], ys[k % len(ys)]).values())
        loss.backward()
        optimizer.step()
        return loss.item()

    faster(net, step)
    optimizer.state.clear()

    def run(pieces):
        for k in range(pieces // BATCH):
            step(k)

    return run


@torch.inference_mode()
def found(net, images):
    """The detections of images: boxes, scores, labels, and masks [n,1,28,28] in their boxes."""
    with precision():
        batch, _ = net.transform(images)
        features = net.backbone(batch.tensors)
        proposals, _ = net.rpn(batch, features)
        return net.roi_heads(features, proposals, batch.image_sizes)[0]


def prove(detections):
    """Keeps detections in the order of oscar's: each with the box of its class that overlaps most.
    Anchors over plain ground have equal scores, which programs sort differently, so that other boxes
    may be left: the number of pictures with the same boxes is proved, and of these the numbers."""
    reference = lambda name: np.load(os.path.join(os.environ["OSCAR_BENCH_REFERENCE"], name + ".npy"))
    boxes, classes, scores, counts = reference("boxes").reshape(-1, 4), reference("classes"), reference("scores"), reference("counts").astype(int)
    values = {"boxes": boxes.copy(), "scores": scores.copy(), "masks": reference("masks").reshape(len(boxes), -1).copy()}
    at, alike = 0, 0
    for d, count in zip(detections, counts):
        left, order = torch.ones(len(d["boxes"])), []
        for k in range(at, at + count):
            overlap = ops.box_iou(torch.from_numpy(boxes[k : k + 1]), d["boxes"])[0] * left * (d["labels"] == classes[k] + 1)
            if len(overlap) and overlap.max() > (0.5 if common.BFLOAT16 else 0.95):
                order.append(int(overlap.argmax()))
                left[order[-1]] = 0
            elif scores[k] >= CLEARLY or not common.BFLOAT16:
                break
            else:
                order.append(0)
        if len(order) == count and (common.BFLOAT16 or len(left) == count):
            alike += 1
            for name in values:
                values[name][at : at + count] = d[name][order].reshape(count, *values[name].shape[1:]).numpy()
        at += count
    if common.BFLOAT16:  # small scores hang on thresholds
        clear = scores >= CLEARLY
        common.prove(alike=[alike], **{"clear-" + name: v[clear].flatten() for name, v in values.items()})
    else:
        common.prove(alike=[alike], **{name: v.flatten() for name, v in values.items()})


def detect():
    net, xs = network().eval(), pictures()

    @torch.inference_mode()
    def step(k=0):
        with precision():
            return [{name: (value > 0.5 if name == "masks" else value).numpy() for name, value in d.items()} for d in net(xs[k % len(xs)])]

    faster(net, step)
    prove(found(net, xs[0]))

    def run(pieces):
        for k in range(pieces // BATCH):
            step(k)

    return run


class Folder(torch.utils.data.Dataset):
    def __init__(self, files):
        self.files = files

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        import cv2

        rgb = cv2.cvtColor(cv2.imread(self.files[i]), cv2.COLOR_BGR2RGB)
        small = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return i, rgb.shape[:2], torch.from_numpy(small).permute(2, 0, 1)


def folder():
    from pycocotools import mask as coco

    net = network().eval()
    with open(os.path.join(common.MATERIAL, "detector", "files.txt")) as f:
        files = f.read().splitlines()
    faster(net, lambda: found(net, pictures()[0]))

    def run(pieces):
        loader = torch.utils.data.DataLoader(Folder(files[:pieces]), batch_size=BATCH, num_workers=common.THREADS, collate_fn=list)
        results = []
        for batch in loader:
            for (i, (height, width), _), d in zip(batch, found(net, [x.float() for _, _, x in batch])):
                boxes = d["boxes"] * torch.tensor([width / SIDE, height / SIDE] * 2)
                masks = paste_masks_in_image(d["masks"], boxes, (height, width))[:, 0] > 0.5
                runs = coco.encode(np.asfortranarray(masks.permute(1, 2, 0).numpy().astype(np.uint8)))
                for box, label, score, mask in zip(boxes.tolist(), d["labels"].tolist(), d["scores"].tolist(), runs):
                    x1, y1, x2, y2 = box
                    results.append({
                        "image_id": i + 1, "category_id": label, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score,
                        "segmentation": {"size": mask["size"], "counts": mask["counts"].decode()},
                    })  # fmt: skip
        with open(os.path.join(common.overlay.folder, "found.json"), "w") as f:
            json.dump(results, f)

    run(BATCH)
    return run


common.serve({"detect-train": train, "detect": detect, "detect-folder": folder}, f"torchvision {torchvision.__version__.split('+')[0]}, {VERSION}")
