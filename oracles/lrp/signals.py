"""zennit's relevance, for its composites and for each rule."""

import torch
from torch import nn
from zennit import composites, rules


def composite_table():
    linear = [(nn.Linear, rules.Epsilon(1e-6)), (nn.Conv2d, rules.Epsilon(1e-6))]
    base = composites.layer_map_base()
    table = {
        "epsilon_plus_flat": lambda c: composites.EpsilonPlusFlat(canonizers=c),
        "epsilon_plus": lambda c: composites.EpsilonPlus(canonizers=c),
        "epsilon_alpha2_beta1_flat": lambda c: composites.EpsilonAlpha2Beta1Flat(canonizers=c),
        "epsilon_alpha2_beta1": lambda c: composites.EpsilonAlpha2Beta1(canonizers=c),
        "epsilon_gamma_box": lambda c: composites.EpsilonGammaBox(low=0.0, high=255.0, canonizers=c),
        "epsilon": lambda c: composites.LayerMapComposite(base + linear, canonizers=c),
    }
    every = {
        "zero": rules.Epsilon(0), "epsilon 0.1": rules.Epsilon(0.1), "gamma": rules.Gamma(0.25),
        "alpha1 beta0": rules.AlphaBeta(1, 0), "alpha2 beta1": rules.AlphaBeta(2, 1), "zplus": rules.ZPlus(),
    }  # fmt: skip
    first = {
        "first zbox": rules.ZBox(low=torch.tensor([0.0, -10.0, -120.0]).reshape(1, 3, 1, 1),
                                 high=torch.tensor([255.0, 260.0, 140.0]).reshape(1, 3, 1, 1)),
        "first flat": rules.Flat(), "first wsquare": rules.WSquare(),
    }  # fmt: skip
    for name, rule in every.items():
        table[name] = lambda c, rule=rule: composites.LayerMapComposite(
            base + [((nn.Conv2d, nn.Linear), rule)], canonizers=c)  # fmt: skip
    for name, rule in first.items():
        table[name] = lambda c, rule=rule: composites.SpecialFirstLayerMapComposite(
            base + linear, [(nn.Conv2d, rule)], canonizers=c)  # fmt: skip
    return table


def relevance(net, composite, images, targets, inner):
    """Relevance at the images and at the output of the module inner."""
    held = []
    after = list(net)[[name for name, _ in net.named_children()].index(inner) + 1]
    hook = after.register_forward_pre_hook(lambda _, inputs: held.append(inputs[0]))
    x = images.clone().requires_grad_()
    with composite.context(net) as modified:
        out = modified(x)
        start = torch.zeros_like(out)
        for i, t in enumerate(targets):
            start[i, t] = out[i, t].detach()
        signals = torch.autograd.grad(out, [x, held[-1]], start)
    hook.remove()
    return signals
