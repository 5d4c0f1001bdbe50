"""The models that can be asked for, by mlcr's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import numpy.typing as npt

from tui.smoke import networks, resnet
from tui.smoke.layers import Floats, Weights

Images = npt.NDArray[np.float32]
Answers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Model:
    """A network, its images, and what it must answer to them."""

    label: str
    """Name and multiply-adds an image."""
    images: Callable[[], Images]
    """All of them, in host memory: LoadGen's query sample library."""
    answers: Callable[[], Answers]
    """The right class of each image."""
    weights: Callable[[], Weights]
    forward: Callable[[Weights, Floats, ModuleType], Floats]
    """Logits [n, classes] of images, over numpy or cupy."""
    has_onnx_file: bool
    """onnxruntime can run it on the CPU."""


MODELS = {
    "smoke": Model(
        label="digits-cnn 0.46 MMAC",
        images=lambda: networks.held_out()[0],
        answers=lambda: networks.held_out()[1],
        weights=networks.load_weights,
        forward=networks.forward,
        has_onnx_file=True,
    ),
    "smoke-resnet50": Model(
        label=f"resnet50-shape {resnet.MULTIPLY_ADDS / 1e9:.2f} GMAC, random weights",
        images=resnet.images,
        answers=resnet.reference,
        weights=resnet.make_weights,
        forward=resnet.forward,
        has_onnx_file=False,
    ),
}
