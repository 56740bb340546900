"""Other people's scores of an explanation. A model is a function of images
[n,3,H,W] to logits, an image [H,W,3], a map [H,W]. What is whose:

  causal                the loop and the kernel of RISE's evaluation.py (Petsiuk
                        et al.), on a normalized image: scipy's gaussian_filter,
                        torch's conv2d; ties are ranked in the map's order
  road                  pytorch-grad-cam's NoisyLinearImputer without noise, and
                        scipy's spsolve on the system written down pixel by pixel
  infidelities          captum.metrics.infidelity, its perturb_func fed with draws
  sensitivity           captum.metrics.sensitivity_max, likewise
  masking               the papers' formulas
  similar               scikit-image's structural_similarity, scipy's spearmanr
  spread                scipy's entropy; the paper's formula, 1 - 2 sum ...
  hit                   TorchRay's formula
  focus                 the formula of the authors' compute_focus
"""

import numpy as np
import torch
from captum.metrics import infidelity, sensitivity_max
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from scipy import ndimage, sparse, stats
from scipy.sparse.linalg import spsolve
from skimage.metrics import structural_similarity


def tensor(image):
    return torch.tensor(image).permute(2, 0, 1)[None]


def probability(net, image, target):
    return float(torch.softmax(net(tensor(image)), dim=1)[0, target])


def ranked(m):
    return np.argsort(-m.ravel(), kind="stable")


def causal(net, image, target, m, mean, std, n=32):
    """CausalMetric.single_run and auc, both modes, n steps."""
    height, width, _ = image.shape
    impulse = np.zeros((11, 11))
    impulse[5, 5] = 1
    kernel = torch.zeros(3, 3, 11, 11)
    for c in range(3):
        kernel[c, c] = torch.tensor(ndimage.gaussian_filter(impulse, 5))
    normalized = (tensor(image) - column(mean)) / column(std)
    blurred = torch.nn.functional.conv2d(normalized, kernel, padding=5)
    step = -(-height * width // n)

    def run(start, finish):
        now, scores, order = start.clone().reshape(3, -1), [], ranked(m)
        for i in range(n + 1):
            raw = now.reshape(1, 3, height, width) * column(std) + column(mean)
            scores.append(float(torch.softmax(net(raw), dim=1)[0, target]))
            coords = order[step * i : step * (i + 1)].copy()
            now[:, coords] = finish.reshape(3, -1)[:, coords]
        s = np.array(scores)
        return {"scores": scores, "auc": (s.sum() - s[0] / 2 - s[-1] / 2) / (len(s) - 1)}

    return {"deletion": run(normalized, torch.zeros_like(normalized)), "insertion": run(blurred, normalized)}


def column(values):
    return torch.tensor(values)[None, :, None, None]


def road(net, image, target, m, shares):
    """Removal by rank, filled by pytorch-grad-cam and by spsolve."""
    height, width, _ = image.shape
    order, before = ranked(m), probability(net, image, target)
    out = {"morf": [], "lerf": []}
    for share in shares:
        k = int(share * len(order) + 0.5)
        for side, removed in [("morf", order[:k]), ("lerf", order[len(order) - k :])]:
            kept = np.ones(height * width)
            kept[removed] = 0
            filled = NoisyLinearImputer(noise=0)(tensor(image)[0].float(), torch.tensor(kept).reshape(height, width))
            filled = filled.permute(1, 2, 0).double().numpy()
            exactly = solved(image, kept.reshape(height, width) == 0)
            assert np.abs(filled - exactly).max() < 1e-3, np.abs(filled - exactly).max()
            out[side].append(probability(net, exactly, target))
            if (share, side) == (0.5, "morf"):
                out["filled"] = [round(float(v), 5) for v in exactly.ravel()]
    morf, lerf = (np.mean(out[side]) - before for side in ("morf", "lerf"))
    return {**out, "before": before, "road_morf": morf, "road_lerf": lerf, "road": (lerf - morf) / 2}


def solved(image, missing):
    """The system, one equation a missing pixel."""
    height, width = missing.shape
    places = [tuple(p) for p in np.argwhere(missing)]
    number = {p: i for i, p in enumerate(places)}
    a, b = sparse.lil_matrix((len(places), len(places))), np.zeros((len(places), 3))
    for (y, x), i in number.items():
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                p, w = (y + dy, x + dx), 1 / 12 if dy and dx else 1 / 6
                if (dy, dx) == (0, 0) or not (0 <= p[0] < height and 0 <= p[1] < width):
                    continue
                a[i, i] += w
                if p in number:
                    a[i, number[p]] -= w
                else:
                    b[i] += w * image[p]
    out = image.copy()
    out[missing] = spsolve(a.tocsc(), b)
    return out


def masking(net, image, target, m, mean):
    """Average drop, increase and gain, on black and on the mean color."""
    shown = np.maximum(m, 0)[..., None] / m.max()
    y = probability(net, image, target)
    out = {}
    for name, color in [("black", 0 * mean), ("mean", mean)]:
        o = probability(net, color + shown * (image - color), target)
        out[name] = [100 * max(0, y - o) / y, 100.0 * (o > y), 100 * max(0, o - y) / (1 - y)]
    return out


def infidelities(net, image, target, m, squares, noise, mean):
    """Of squares (top, left, side) of the mean color, and of noise [n,H,W];
    each with the best factor and without."""
    height, width, _ = image.shape
    masks = np.zeros((len(squares), height, width))
    for mask, (top, left, side) in zip(masks, squares):
        mask[top : top + side, left : left + side] = 1
    painted = np.where(masks[..., None] == 1, mean, image)
    attribution = torch.tensor(m / 3).expand(1, 3, height, width)  # a third a channel: I is the same in all

    def captum(weights, changed, normalize):
        def perturb(_):
            stacked = torch.tensor(np.repeat(weights[:, None], 3, axis=1))
            return stacked, torch.tensor(changed).permute(0, 3, 1, 2)

        return float(infidelity(net, perturb, tensor(image), attribution, target=target, n_perturb_samples=len(weights), normalize=normalize))

    noisy = image - noise[..., None]
    return {
        "square": [captum(masks, painted, normalize) for normalize in (True, False)],
        "gaussian": [captum(noise, noisy, normalize) for normalize in (True, False)],
    }


def sensitivity(explain, image, noise):
    """explain makes maps [n,h,w] of images [n,3,H,W]; noise is [n,H,W,3]."""

    def wrapped(x):
        return (explain(x[0] if isinstance(x, tuple) else x),)

    def perturb(x, radius):
        return x[0] + torch.tensor(noise).permute(0, 3, 1, 2)

    return float(sensitivity_max(wrapped, tensor(image), perturb_func=perturb, n_perturb_samples=len(noise)))


def similar(x, y):
    unit = [np.float32((m - m.min()) / (m.max() - m.min())).astype(float) for m in (x, y)]
    return {
        "ssim": structural_similarity(*unit, gaussian_weights=True, data_range=1),
        "spearman": stats.spearmanr(x.ravel(), y.ravel()).statistic,
        "abs": stats.spearmanr(np.abs(x).ravel(), np.abs(y).ravel()).statistic,
    }


def spread(m):
    w = np.sort(np.abs(m).ravel())
    d, k = len(w), np.arange(1, len(w) + 1)
    return {"gini": 1 - 2 * float((w / w.sum() * (d - k + 0.5) / d).sum()), "entropy": float(stats.entropy(w))}


def hit(mask, row, column_, tolerance):
    """PointingGame.evaluate, of a point and a mask [H,W]."""
    v = (torch.arange(mask.shape[0])[:, None] - row) ** 2
    u = (torch.arange(mask.shape[1])[None, :] - column_) ** 2
    return int((mask & ((v + u) < tolerance**2)).any())


def focus(m):
    """The share of the positive part in each quarter."""
    positive = np.maximum(m, 0)
    h, w = m.shape[0] // 2, m.shape[1] // 2
    quarters = [positive[:h, :w], positive[:h, w:], positive[h:, :w], positive[h:, w:]]
    return [float(q.sum() / positive.sum()) for q in quarters]
