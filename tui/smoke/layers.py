"""What both networks are made of, over an array module `xp`: numpy, or cupy on a GPU.

Only what both have, and few large steps: on a GPU each step is a launch.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
"""Of numpy or, behind the same interface, of cupy."""
Weights = dict[str, Floats]


def padded(images: Floats, margin: int, xp: ModuleType) -> Floats:
    """Zeros around each image: [n, h, w, c] -> [n, h + 2 margin, w + 2 margin, c]."""
    n, h, w, c = images.shape
    # xp.pad would do the same in many small steps.
    result: Floats = xp.zeros((n, h + 2 * margin, w + 2 * margin, c), images.dtype)
    result[:, margin : margin + h, margin : margin + w] = images
    return result


def patches(images: Floats, size: int, stride: int, xp: ModuleType) -> Floats:
    """Every size x size patch: [n, h, w, c] -> a view [n, rows, columns, size, size, c]."""
    n, h, w, c = images.shape
    by_image, by_row, by_column, by_channel = images.strides
    # cupy's sliding_window_view waits for the GPU; this is what it ends in.
    view: Floats = xp.lib.stride_tricks.as_strided(
        images,
        (n, (h - size) // stride + 1, (w - size) // stride + 1, size, size, c),
        (by_image, by_row * stride, by_column * stride, by_row, by_column, by_channel),
    )
    return view


def relu(values: Floats, xp: ModuleType) -> Floats:
    """Negative values set to zero, in place."""
    result: Floats = xp.maximum(values, 0, out=values)
    return result
