"""pytorch-grad-cam. plain: as its README has it; frozen: with weights that want no
gradient, which it would compute and throw away."""

import importlib.metadata

import common
import torch
import with_torch
from pytorch_grad_cam import GradCAM, ScoreCAM


def explainer():
    net = with_torch.network()
    frozen = common.VARIANT == "frozen"
    if frozen:
        net.requires_grad_(False)
    cam = GradCAM(net, [net.relu5])

    def explain(x):
        heat = cam(x.requires_grad_() if frozen else x, targets=None)  # of the predicted class
        logits = cam.outputs.detach()
        return logits.numpy(), torch.softmax(logits, dim=1).numpy(), heat

    return net, explain


def scorecam():
    """Enlarged with align_corners, so that its masks are others: what is proved are the
    logits."""
    net = with_torch.network()
    layout = with_torch.faster(net, torch.inference_mode()(net))
    cam = ScoreCAM(net, [net.relu5])
    cam.batch_size = common.BATCH
    as_input = lambda images: with_torch.as_input(images).to(memory_format=layout)
    with torch.inference_mode():
        common.prove(logits=net(as_input(common.images()[: common.BATCH])))
    return common.each(lambda image: cam(as_input(image[None]), targets=None))


common.serve(
    {
        "scorecam": scorecam,
        "gradcam": lambda: with_torch.gradcam(*explainer()),
        "folder": lambda: with_torch.folder(*explainer()),
        "cold": lambda: with_torch.cold(explainer()[1]),
    },
    f"grad-cam {importlib.metadata.version('grad-cam')}, {with_torch.VERSION}",
)
