"""The graph of ResNet-50 v1.5 with seeded random weights, over numpy or cupy.

For the GPU: 4.09 billion multiply-adds an image in 54 layers of known shapes. It classifies
nothing, so its accuracy is the share of answers that are those of a float64 run on the CPU: that
finds wrong arithmetic. Not MLPerf's ResNet50: no trained weights, no ImageNet.

Batch normalisation is folded into weights and biases, as it is for inference. Arrays are
[n, h, w, c] and weights [h * w * c_in, c_out]: then a layer is one GEMM and nothing is transposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, reduce
from types import ModuleType

import numpy as np
import numpy.typing as npt

from tui.smoke.layers import Floats, Weights, padded, patches, relu

SIDE = 224
"""Pixels of an image in each direction; it has three channels."""
BLOCK_PIXELS = 8
"""An image is made of blocks of one colour: details of one pixel would average out."""
CLASSES = 1000
FEATURES = 2048
IMAGES = 32
"""LoadGen's query sample library; a float64 run of all takes 7 s on two cores."""
REFERENCE_BATCH = 8
"""Images of the float64 run at once: 0.4 GB of memory."""
SEED = 50
STAGES = ((3, 64, 56), (4, 128, 28), (6, 256, 14), (3, 512, 7))
"""Blocks, channels within a block, side of the output."""
EXPANSION = 4
"""A block gives four times the channels that it has within."""
BRANCH_GAIN = 0.7
"""Below 1, so that sums over sixteen blocks stay near 1."""
BIAS_STD = 0.02


@dataclass(frozen=True)
class Convolution:
    """A layer: kernel x kernel, padded by half of that."""

    name: str
    kernel: int
    stride: int
    inputs: int
    outputs: int
    side: int
    """Of its output, in pixels."""
    gain: float = 1.0
    """Of its random weights, over He initialisation."""

    @property
    def fan_in(self) -> int:
        """Weights of one output."""
        return self.kernel**2 * self.inputs

    @property
    def multiply_adds(self) -> int:
        """Of one image."""
        return self.fan_in * self.outputs * self.side**2


@dataclass(frozen=True)
class Block:
    """Three convolutions and the way around them."""

    first: Convolution
    middle: Convolution
    last: Convolution
    shortcut: Convolution | None
    """None: the input itself."""

    @property
    def layers(self) -> tuple[Convolution, ...]:
        """All of them, in order."""
        own = (self.first, self.middle, self.last)
        return (*own, self.shortcut) if self.shortcut else own


def _blocks() -> Iterator[Block]:
    inputs, side = STEM.outputs, STEM.side // 2  # after the max pool
    for number, (count, channels, own_side) in enumerate(STAGES, 1):
        for place in range(1, count + 1):
            name, stride = f"stage{number}_block{place}", side // own_side
            wide = channels * EXPANSION
            yield Block(
                Convolution(f"{name}_first", 1, 1, inputs, channels, side),
                # v1.5: the stride is the middle layer's; in v1 it was the first's (3.86 GMAC).
                Convolution(f"{name}_middle", 3, stride, channels, channels, own_side),
                Convolution(f"{name}_last", 1, 1, channels, wide, own_side, BRANCH_GAIN),
                Convolution(f"{name}_shortcut", 1, stride, inputs, wide, own_side, 0.5**0.5)
                if place == 1
                else None,
            )
            inputs, side = wide, own_side


STEM = Convolution("stem", 7, 2, 3, 64, SIDE // 2)
BLOCKS = tuple(_blocks())
CONVOLUTIONS = (STEM, *(layer for block in BLOCKS for layer in block.layers))
MULTIPLY_ADDS = sum(layer.multiply_adds for layer in CONVOLUTIONS) + FEATURES * CLASSES
"""Of one image, all 53 convolutions and the dense layer."""


def make_weights() -> Weights:
    """The same float32 weights each time: NAME_w [h * w * c_in, c_out] and NAME_b [c_out].

    The weights of each output sum to zero. Otherwise what all images have in common, a mean above
    zero behind every relu, would give them all the same answer.
    """
    rng = np.random.default_rng(SEED)
    weights: Weights = {}
    for layer in CONVOLUTIONS:
        std = layer.gain * (2 / layer.fan_in) ** 0.5
        weights[f"{layer.name}_w"] = _centred(rng, layer.fan_in, layer.outputs, std)
        weights[f"{layer.name}_b"] = _normal(rng, (layer.outputs,), BIAS_STD)
    weights["dense_w"] = _centred(rng, FEATURES, CLASSES, FEATURES**-0.5)
    weights["dense_b"] = _normal(rng, (CLASSES,), BIAS_STD / 10)
    return weights


def _centred(rng: np.random.Generator, inputs: int, outputs: int, std: float) -> Floats:
    values = _normal(rng, (inputs, outputs), std)
    values -= values.mean(axis=0)
    return values


def _normal(
    rng: np.random.Generator, shape: tuple[int, ...], std: float
) -> npt.NDArray[np.float32]:
    values = rng.standard_normal(shape, dtype=np.float32)
    values *= np.float32(std)
    return values


@cache
def images() -> npt.NDArray[np.float32]:
    """The 32 seeded random images [32, 224, 224, 3], 19 MB."""
    blocks = SIDE // BLOCK_PIXELS
    rng = np.random.default_rng(SEED + 1)
    colours = rng.standard_normal((IMAGES, blocks, blocks, 3), dtype=np.float32)
    return colours.repeat(BLOCK_PIXELS, axis=1).repeat(BLOCK_PIXELS, axis=2)


def convolve(layer: Convolution, weights: Weights, hidden: Floats, xp: ModuleType) -> Floats:
    """The layer's output [n, side, side, outputs], before its relu."""
    if layer.kernel > 1:
        hidden = patches(padded(hidden, layer.kernel // 2, xp), layer.kernel, layer.stride, xp)
    elif layer.stride > 1:
        hidden = hidden[:, :: layer.stride, :: layer.stride]
    result: Floats = hidden.reshape(-1, layer.fan_in) @ weights[f"{layer.name}_w"]
    result += weights[f"{layer.name}_b"]
    return result.reshape(-1, layer.side, layer.side, layer.outputs)


def max_pool(hidden: Floats, xp: ModuleType) -> Floats:
    """The largest of each 3x3, every second pixel; nothing in `hidden` is below zero."""
    wide = padded(hidden, 1, xp)
    rows = reduce(xp.maximum, (wide[:, :-2:2], wide[:, 1:-1:2], wide[:, 2::2]))
    pooled: Floats = reduce(xp.maximum, (rows[:, :, :-2:2], rows[:, :, 1:-1:2], rows[:, :, 2::2]))
    return pooled


def forward(weights: Weights, images: Floats, xp: ModuleType = np) -> Floats:
    """Logits [n, 1000] of images [n, 224, 224, 3]; both are arrays of `xp` and of one type."""
    hidden = max_pool(relu(convolve(STEM, weights, images, xp), xp), xp)
    for block in BLOCKS:
        branch = relu(convolve(block.first, weights, hidden, xp), xp)
        branch = relu(convolve(block.middle, weights, branch, xp), xp)
        branch = convolve(block.last, weights, branch, xp)
        branch += convolve(block.shortcut, weights, hidden, xp) if block.shortcut else hidden
        hidden = relu(branch, xp)
    logits: Floats = hidden.mean(axis=(1, 2)) @ weights["dense_w"] + weights["dense_b"]
    return logits


def reference_logits() -> npt.NDArray[np.float64]:
    """Logits [32, 1000] of all images in float64 on the CPU; takes seconds."""
    weights: Weights = {name: value.astype(np.float64) for name, value in make_weights().items()}
    parts = [
        forward(weights, images()[start : start + REFERENCE_BATCH].astype(np.float64))
        for start in range(0, IMAGES, REFERENCE_BATCH)
    ]
    return np.concatenate(parts).astype(np.float64, copy=False)


def reference() -> npt.NDArray[np.int64]:
    """The right answers [32]: the classes that the float64 run gives."""
    classes: npt.NDArray[np.int64] = reference_logits().argmax(axis=1)
    return classes
