"""PyTorch, and what its explainers share. plain: as its tutorials have it; compiled: the
network under torch.compile. In bfloat16 all runs under autocast. The layout of images in
memory is what turns out to be faster here, contiguous or channels last."""

import contextlib

import common
import numpy as np
import torch
from common import BATCH, PRODUCT_SIDE
from torch import nn

torch.set_num_threads(common.THREADS)
COMPILED = common.VARIANT == "compiled"
VERSION = f"PyTorch {torch.__version__.split('+')[0]}"


def network():
    """AlexNet02 with oscar's weights, to the logits."""
    net = nn.Sequential()
    for name, module in [
        ("conv1", nn.Conv2d(3, 96, 11, 4)), ("relu1", nn.ReLU()), ("pool1", nn.MaxPool2d(3, 2)), ("bn1", nn.BatchNorm2d(96, eps=1e-3)),
        ("conv2", nn.Conv2d(96, 256, 5, padding=2)), ("relu2", nn.ReLU()), ("pool2", nn.MaxPool2d(3, 2)), ("bn2", nn.BatchNorm2d(256, eps=1e-3)),
        ("conv5", nn.Conv2d(256, 256, 3, padding=1)), ("relu5", nn.ReLU()), ("pool5", nn.MaxPool2d(3, 2)), ("flatten", nn.Flatten()),
        ("fc1", nn.Linear(9216, 4096)), ("relu_fc1", nn.ReLU()), ("fc2", nn.Linear(4096, 4096)), ("relu_fc2", nn.ReLU()), ("fc3", nn.Linear(4096, 6)),
    ]:  # fmt: skip
        net.add_module(name, module)
        set_weights(name, module)
    return net.eval()


def set_weights(name, module):
    get = lambda role: torch.from_numpy(common.weights(name, role))
    if isinstance(module, nn.BatchNorm2d):
        module.weight.data, module.bias.data = get("gamma"), get("beta")
        module.running_mean, module.running_var = get("moving_mean"), get("moving_variance")
    if isinstance(module, nn.Conv2d):
        module.weight.data, module.bias.data = get("kernel").permute(3, 2, 0, 1).contiguous(), get("bias")
    if isinstance(module, nn.Linear):
        kernel = get("kernel")
        if name == "fc1":  # oscar flattens height, width, channel; PyTorch channel, height, width
            kernel = kernel.reshape(6, 6, 256, -1).permute(2, 0, 1, 3).reshape(9216, -1)
        module.weight.data, module.bias.data = kernel.T.contiguous(), get("bias")


def precision():
    """The context of a forward pass."""
    return torch.autocast("cpu", torch.bfloat16) if common.BFLOAT16 else contextlib.nullcontext()


def compiled(net):
    return torch.compile(net) if COMPILED else net


def as_input(images):
    """[N,H,W,3] to [N,3,H,W]"""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def faster(net, step, begin=lambda: None):
    """Puts net into the layout in which step(images) takes less time; returns it."""
    took = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        net.to(memory_format=layout)
        begin()
        x = as_input(common.images()[:BATCH]).to(memory_format=layout)
        step(x)
        took[layout] = min(common.seconds(step, x) for _ in range(3))
    best = min(took, key=took.get)
    net.to(memory_format=best)
    begin()
    common.note = "channels last" if best == torch.channels_last else "contiguous"
    return best


def inputs(layout):
    return [as_input(common.images()[at]).to(memory_format=layout) for at in common.batches(len(common.images()))]


def rounds(step, xs):
    """A job of batches."""

    def run(pieces):
        for k in range(pieces // BATCH):
            step(xs[k % len(xs)])

    return run


def train():
    net = network().train()
    forward = compiled(net)
    optimizer = torch.optim.Adam(net.parameters(), common.RATE, eps=1e-7)
    of_images = nn.CrossEntropyLoss()
    ys = [torch.from_numpy(common.labels()[at]) for at in common.batches(len(common.images()))]

    def step(x, y=ys[0]):
        optimizer.zero_grad()
        with precision():
            loss = of_images(forward(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    common.prove(loss=[step(as_input(common.images()[:BATCH]))])
    xs = inputs(faster(net, step, optimizer.state.clear))

    def run(pieces):
        for k in range(pieces // BATCH):
            step(xs[k % len(xs)], ys[k % len(ys)])

    return run


def classify():
    net = network()
    forward = compiled(net)

    @torch.inference_mode()
    def step(x):
        with precision():
            logits = forward(x).float()
        return logits.numpy(), torch.softmax(logits, dim=1).numpy()

    xs = inputs(faster(net, step))
    common.prove(logits=step(xs[0])[0])
    return rounds(step, xs)


def gradcam(net, explain):
    """explain(images) returns logits, probabilities, and maps of the images' size, 0..1."""
    xs = inputs(faster(net, explain))
    logits, _, heat = explain(xs[0])
    common.prove(logits=logits, heat=heat)
    return rounds(explain, xs)


def own_gradcam():
    """Grad-CAM by hand: the features without a gradient, the rest with one."""
    net = network().requires_grad_(False)
    features, head = compiled(net[:10]), compiled(net[10:])

    def explain(x):
        with precision():
            with torch.no_grad():
                maps = features(x)
            maps.requires_grad_()
            logits = head(maps).float()
        (gradient,) = torch.autograd.grad(logits.amax(dim=1).sum(), maps)
        heat = torch.relu((gradient.mean(dim=(2, 3), keepdim=True) * maps.detach()).sum(dim=1, keepdim=True)).float()
        heat = torch.nn.functional.interpolate(heat, (common.IMAGE_SIDE, common.IMAGE_SIDE), mode="bilinear")[:, 0]
        low, high = heat.amin(dim=(1, 2), keepdim=True), heat.amax(dim=(1, 2), keepdim=True)
        heat = (heat - low) / (high - low).clamp(min=1e-12)
        logits = logits.detach()
        return logits.numpy(), torch.softmax(logits, dim=1).numpy(), heat.numpy()

    return gradcam(net, explain)


def prediction(net):
    """A function of images that returns logits."""
    forward = compiled(net)

    @torch.inference_mode()
    def predict(x):
        with precision():
            return forward(x).float()

    return predict


def rise():
    net = network()
    predict = prediction(net)
    layout = faster(net, predict)

    @torch.inference_mode()
    def explain(image, masks):
        image = as_input(image[None]).to(memory_format=layout)
        target, total = int(predict(image).argmax()), 0
        for at in common.parts(len(masks)):
            some = torch.from_numpy(masks[at])
            scores = torch.softmax(predict(some[:, None] * image), dim=1)[:, target]
            total = total + torch.tensordot(scores, some, 1)
        return total.numpy()

    return common.rise(explain)


class Folder(torch.utils.data.Dataset):
    def __init__(self, files):
        self.files = files

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        rgb, small = common.read(self.files[i])
        return i, torch.from_numpy(rgb), torch.from_numpy(small).permute(2, 0, 1)


def folder(net, explain):
    """explain as for gradcam; the maps may have any size."""
    layout, files = faster(net, explain), common.files()

    def run(pieces):
        loader = torch.utils.data.DataLoader(Folder(files[:pieces]), batch_size=BATCH, num_workers=common.THREADS)
        for numbers, rgb, x in loader:
            heat = explain(x.float().contiguous(memory_format=layout))[2]
            for i, picture, h in zip(numbers, rgb.numpy(), heat):
                common.overlay(files[i], picture, h)

    run(BATCH)
    return run


def cold(explain):
    path = common.files()[0]
    rgb, small = common.read(path)
    common.overlay(path, rgb, explain(as_input(small[None].astype(np.float32)))[2][0])


def matmul():
    a, b, c = (torch.rand(PRODUCT_SIDE, PRODUCT_SIDE) for _ in range(3))

    def run(pieces):
        for _ in range(pieces):
            torch.mm(a, b, out=c)

    run(1)
    return run


def copy():
    here, there = torch.ones(common.COPIED_BYTES // 4), torch.zeros(common.COPIED_BYTES // 4)

    def run(pieces):
        for _ in range(pieces):
            there.copy_(here)

    run(1)
    return run


if __name__ == "__main__":
    common.serve(
        {"train": train, "classify": classify, "gradcam": own_gradcam, "rise": rise, "matmul": matmul, "copy": copy},
        VERSION,
    )
