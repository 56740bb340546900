"""Other people's gradient and perturbation methods, with oscar's random draws."""

import functools
import math

import numpy as np
import skimage.transform
import sklearn.metrics
import torch
from captum.attr import IntegratedGradients, Occlusion, Saliency
from lime.lime_base import LimeBase


def integrated(f, x, targets, baseline, steps):
    """Captum's default rule is Gauss-Legendre's."""
    attributions, delta = IntegratedGradients(f).attribute(x, baseline, target=targets, n_steps=steps, return_convergence_delta=True)
    return attributions.sum(dim=1), delta


def occlusion(f, x, targets, patch, stride, baseline):
    """A patch covers all channels, which then all have the same value."""
    attributions = Occlusion(f).attribute(x, (3, patch, patch), (3, stride, stride), baselines=baseline, target=targets)
    assert torch.equal(attributions[:, 0], attributions[:, 1])
    return attributions[:, 0]


def noisy(image, noise):
    """noise [n,3,H,W] is in units of 0.15 of the image's range; pixels are float32 in oscar."""
    sigma = 0.15 * (image.max() - image.min())
    return (image + sigma * noise).float().double()


def smoothgrad(net, image, target, noise):
    gradients = Saliency(net).attribute(noisy(image, noise), target=target, abs=False)
    return [gradients.mean(dim=0).abs().amax(dim=0)]


def rise(image, target, probabilities, draws):
    """image is [H,W,3], draws list the open cells and the shift of each mask:
    sum f(x M) M / (N p), a mask enlarged to s+1 cells of ceil(side/s) pixels and cropped."""
    s, p = 7, 0.5
    height, width, _ = image.shape
    enlarged = (s + 1) * math.ceil(height / s), (s + 1) * math.ceil(width / s)
    masks = []
    for draw in draws:
        grid = np.array([float(c) for c in draw["Open"]]).reshape(s, s)
        large = skimage.transform.resize(grid, enlarged, order=1, mode="reflect", anti_aliasing=False)
        masks.append(large[draw["Y"] : draw["Y"] + height, draw["X"] : draw["X"] + width])
    masks = np.stack(masks)
    masked = torch.tensor(image[None] * masks[..., None]).permute(0, 3, 1, 2)
    scores = probabilities(masked)[:, target].detach().numpy()
    return [np.tensordot(scores, masks, 1) / len(masks) / p]


def lime(image, target, probabilities, labels, draws):
    """LimeImageExplainer.explain_instance from the superpixels on, with all of
    them in the fit; draws list which are shown, from the second sample on."""
    hidden = np.zeros_like(image)
    for label in np.unique(labels):
        hidden[labels == label] = image[labels == label].mean(axis=0)
    count = labels.max() + 1
    data = np.array([[1] * count] + [[int(c) for c in coins] for coins in draws])
    shown = np.array([row[labels] for row in data])[..., None]
    variants = np.where(shown == 1, image, hidden)
    predictions = probabilities(torch.tensor(variants).permute(0, 3, 1, 2)).detach().numpy()
    distances = sklearn.metrics.pairwise_distances(data, data[:1], metric="cosine").ravel()

    def kernel(d, kernel_width):
        return np.sqrt(np.exp(-(d**2) / kernel_width**2))

    base = LimeBase(functools.partial(kernel, kernel_width=0.25), random_state=0)
    fit = base.explain_instance_with_data(data, predictions, distances, target, count, feature_selection="none")
    if isinstance(fit[0], tuple):  # lime's sources after 0.2.0.1 also return the regressor
        fit = fit[0]
    intercept, coefficients, r2, _ = fit
    by_label = dict(coefficients)
    return [np.vectorize(by_label.get)(labels)], {"Intercept": float(intercept), "R2": float(r2)}
