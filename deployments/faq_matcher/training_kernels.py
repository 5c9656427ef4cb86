"""Compiled inner loops of training."""

from __future__ import annotations

import numpy as np

from deployments.faq_matcher.compiling import compiled
from deployments.faq_matcher.kernels import F32, I32, I64


@compiled
def sharpen(
    example_starts: I64,
    example_columns: I32,
    example_values: F32,
    candidates: I32,
    order: I64,
    profile_starts: I64,
    profile_columns: I32,
    profile_values: F32,
    scale: float,
    rate: float,
) -> float:
    """One pass of stochastic gradient descent on the softmax cross-entropy over each example's candidates.

    The logit of a candidate is scale x.P_c. Only features that an original's own texts have change in its profile, so
    that profiles stay sparse.

    Args:
        example_starts, example_columns, example_values: examples x as rows of a sparse matrix, columns rising.
        candidates: (examples, k) originals, no two the same; the right one is first.
        order: (n,) in which order examples are taken.
        profile_starts, profile_columns, profile_values: P as rows of a sparse matrix, columns rising; values change.
        scale: sharpness of the softmax.
        rate: length of a step.

    Returns:
        The mean loss before each step, in nats.
    """
    k = candidates.shape[1]
    logits = np.empty(k, np.float32)
    loss = 0.0
    for example in order:
        columns = example_columns[example_starts[example] : example_starts[example + 1]]
        values = example_values[example_starts[example] : example_starts[example + 1]]
        for i in range(k):
            first, last = profile_starts[candidates[example, i]], profile_starts[candidates[example, i] + 1]
            logits[i] = scale * _product(columns, values, profile_columns[first:last], profile_values[first:last])
        top = logits.max()
        shares = np.exp(logits - top)
        total = shares.sum()
        loss += np.log(total) + top - logits[0]
        for i in range(k):
            error = shares[i] / total - np.float32(i == 0)
            first, last = profile_starts[candidates[example, i]], profile_starts[candidates[example, i] + 1]
            _step(columns, values, profile_columns[first:last], profile_values[first:last], -rate * error)
    return loss / max(1, len(order))


@compiled
def _product(columns: I32, values: F32, profile_columns: I32, profile_values: F32) -> float:
    total, at = np.float32(0), 0
    for j in range(len(columns)):
        at = _seek(profile_columns, at, columns[j])
        if at < len(profile_columns) and profile_columns[at] == columns[j]:
            total += values[j] * profile_values[at]
    return total


@compiled
def _step(columns: I32, values: F32, profile_columns: I32, profile_values: F32, step: float) -> None:
    at = 0
    for j in range(len(columns)):
        at = _seek(profile_columns, at, columns[j])
        if at < len(profile_columns) and profile_columns[at] == columns[j]:
            profile_values[at] += np.float32(step) * values[j]


@compiled
def _seek(columns: I32, at: int, wanted: int) -> int:
    """First place from `at` on whose column is not below the wanted one, by galloping."""
    stride, end = 1, len(columns)
    while at + stride < end and columns[at + stride] < wanted:
        at += stride
        stride *= 2
    high = min(at + stride + 1, end)
    while at < high:
        middle = (at + high) // 2
        if columns[middle] < wanted:
            at = middle + 1
        else:
            high = middle
    return at
