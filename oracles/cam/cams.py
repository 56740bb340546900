"""pytorch-grad-cam's methods, and their maps before its ReLU and scaling. Three
things are set, where oscar's definition is another:

  Eigen-CAM  has the sign that pytorch-grad-cam gives Seg-Eigen-CAM; its own is
             whatever the library of linear algebra returns.
  Score-CAM  enlarges channels between pixel centers at half positions, as
             heatmaps are; pytorch-grad-cam aligns the corners.
  Ablation-CAM's weights are divided by the score y here, by |y| in oscar; the
             tests turn the map of an image whose score is negative.
"""

import pytorch_grad_cam as pgc
import torch
import tqdm
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection_with_sign_correction

torch.nn.UpsamplingBilinear2d = lambda size: torch.nn.Upsample(size=size, mode="bilinear", align_corners=False)
tqdm.tqdm = lambda steps: steps  # no bars


class SignedEigenCAM(pgc.EigenCAM):
    def get_cam_image(self, input_tensor, target_layer, targets, activations, grads, eigen_smooth):
        return get_2d_projection_with_sign_correction(activations)


METHODS = {
    "gradcam": pgc.GradCAM,
    "gradcam++": pgc.GradCAMPlusPlus,
    "hirescam": pgc.HiResCAM,
    "layercam": pgc.LayerCAM,
    "xgradcam": pgc.XGradCAM,
    "eigencam": SignedEigenCAM,
    "scorecam": pgc.ScoreCAM,
    "ablationcam": pgc.AblationCAM,
}


def raw(method, net, layer, images, targets):
    """The method's maps before pytorch-grad-cam's ReLU and scaling."""
    maps = []

    class Raw(method):
        def get_cam_image(self, *arguments, **named):
            maps.append(super().get_cam_image(*arguments, **named))
            return maps[0]

    with Raw(net, [layer]) as cam:
        cam(images, targets)
    assert len(maps) == 1 and len(maps[0]) == len(images)
    return maps[0]
