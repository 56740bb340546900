"""Captum: LayerGradCam and IntegratedGradients, as its tutorials have them."""

import captum
import common
import torch
import with_torch
from captum.attr import IntegratedGradients, LayerAttribution, LayerGradCam
from common import BATCH, IMAGE_SIDE


def explainer(size=None):
    net = with_torch.network()
    cam = LayerGradCam(net, net.relu5)

    def explain(x):
        with with_torch.precision():
            with torch.inference_mode():
                logits = net(x).float()
            heat = cam.attribute(x, target=logits.argmax(dim=1), relu_attributions=True).detach().float()
        if size:
            heat = LayerAttribution.interpolate(heat, size, "bilinear")
        return logits.numpy(), torch.softmax(logits, dim=1).numpy(), common.scaled(heat[:, 0])

    return net, explain


def integrated():
    net = with_torch.network()
    ig = IntegratedGradients(net)

    def explain(x):
        with torch.inference_mode():
            target = int(net(x).argmax())
        return ig.attribute(x, torch.zeros_like(x), target=target, n_steps=common.STEPS).sum(dim=1)

    layout = with_torch.faster(net, lambda x: explain(x[:1]))
    xs = [with_torch.as_input(common.images()[k : k + 1]).to(memory_format=layout) for k in range(BATCH)]
    common.prove(ig=explain(xs[0]).detach())

    def run(pieces):
        for k in range(pieces):
            explain(xs[k % BATCH])

    return run


common.serve(
    {
        "gradcam": lambda: with_torch.gradcam(*explainer((IMAGE_SIDE, IMAGE_SIDE))),
        "folder": lambda: with_torch.folder(*explainer()),
        "ig": integrated,
        "cold": lambda: with_torch.cold(explainer()[1]),
    },
    f"Captum {captum.__version__}, {with_torch.VERSION}",
)
