"""Batch normalization as part of the convolution before it: one layer less to compute, the same answers."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

logger = logging.getLogger("ray.serve")


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Multiply the factors of batch normalization into the weights of the convolutions before, once and for all.

    In evaluation, batch normalization maps each channel by a factor and an offset that do not change, so what it gives
    after a convolution is a convolution again (Jacob et al. 2018, section 3.2). The answers differ by rounding.

    Args:
        network: in evaluation mode; keeps its own weights.

    Returns:
        A network that shares every other layer with the given one. The given one, where its code cannot be followed
        (it depends on the values of an image), or where there is nothing to fold.
    """
    try:
        traced = fx.symbolic_trace(network)
    except Exception as error:  # noqa: BLE001 - following a network runs its own code
        logger.info("Batch normalization is not folded into convolutions: %s.", type(error).__name__)
        return network
    modules: dict[Any, nn.Module] = dict(traced.named_modules())
    uses = Counter(node.target for node in traced.graph.nodes if node.op == "call_module")
    pairs = [(node, node.args[0]) for node in traced.graph.nodes if _is_foldable(node, modules, uses)]
    for norm, convolution in pairs:
        folded = fuse_conv_bn_eval(modules[convolution.target], modules[norm.target])  # type: ignore[type-var, arg-type]
        traced.set_submodule(convolution.target, folded)
        norm.replace_all_uses_with(convolution)
        traced.graph.erase_node(norm)
    return _finished(traced) if pairs else network


def _is_foldable(node: fx.Node, modules: dict[Any, nn.Module], uses: Counter[Any]) -> bool:
    """Whether a node is batch normalization of what a convolution gives to it alone."""
    if node.op != "call_module" or not isinstance(norm := modules[node.target], nn.BatchNorm2d):
        return False
    before = node.args[0]
    if not isinstance(before, fx.Node) or before.op != "call_module" or type(modules[before.target]) is not nn.Conv2d:
        return False
    # A convolution that is used in two places may be normalized in one of them only.
    is_alone = len(before.users) == 1 and uses[before.target] == 1
    return is_alone and norm.running_mean is not None and not norm.training


def _finished(traced: fx.GraphModule) -> fx.GraphModule:
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced
