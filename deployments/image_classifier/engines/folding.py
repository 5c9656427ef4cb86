"""Batch normalization as part of the convolution before it: one layer less to compute, the same answers."""

from __future__ import annotations

import logging
from collections import Counter

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

logger = logging.getLogger("ray.serve")


def fold_batch_norms(network: nn.Module) -> int:
    """Multiply the factors of batch normalization into the weights of the convolutions before, once and for all.

    In evaluation, batch normalization maps each channel by a factor and an offset that do not change, so what it gives
    after a convolution is a convolution again (Jacob et al. 2018, section 3.2). The answers differ by rounding.

    Args:
        network: in evaluation mode; its convolutions are replaced, and what was folded passes on what it is given.

    Returns:
        How many were folded; 0 where the network's code cannot be followed, since it depends on values of an image.
    """
    try:
        graph = fx.symbolic_trace(network).graph
    except Exception as error:  # noqa: BLE001 - following a network runs its own code
        logger.info("Batch normalization is not folded into convolutions: %s.", type(error).__name__)
        return 0
    modules = dict(network.named_modules())
    touched = Counter(_module_of(node) for node in graph.nodes)
    pairs = [pair for node in graph.nodes if (pair := _foldable(node, modules, touched)) is not None]
    for convolution, norm in pairs:
        folded = fuse_conv_bn_eval(modules[convolution], modules[norm])
        network.set_submodule(convolution, folded)
        network.set_submodule(norm, nn.Identity())
    return len(pairs)


def _module_of(node: fx.Node) -> str:
    """Name the module that a node calls, or reads something of; nothing for other nodes."""
    target = str(node.target)
    return {"call_module": target, "get_attr": target.rpartition(".")[0]}.get(node.op, "")


def _foldable(node: fx.Node, modules: dict[str, nn.Module], touched: Counter[str]) -> tuple[str, str] | None:
    """Return names of a convolution and its batch normalization, where what one gives is for the other alone."""
    norm = modules.get(_module_of(node))
    if node.op != "call_module" or not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None or norm.training:
        return None
    before = node.args[0]
    if not isinstance(before, fx.Node) or type(modules.get(_module_of(before))) is not nn.Conv2d:
        return None
    names = _module_of(before), _module_of(node)
    # Either may be used in a second place, where the other is not.
    is_alone = len(before.users) == 1 and all(touched[name] == 1 for name in names)
    return names if is_alone and before.op == "call_module" else None
