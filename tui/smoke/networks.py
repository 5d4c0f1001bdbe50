"""The digits network over numpy or cupy: what the ONNX file must agree with.

conv3x3(16) relu, conv3x3(32) relu, maxpool2, conv3x3(32) relu, dense(10): 19,178 weights and
0.46 million multiply-adds an image.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

from tui.smoke.layers import Floats, Weights, padded, patches, relu

FOLDER = Path(__file__).parent
DATA_FILE = FOLDER / "digits.npz"
WEIGHTS_FILE = FOLDER / "digits_cnn.npz"
ONNX_FILE = FOLDER / "digits_cnn.onnx"

FIRST_HELD_OUT = 1297
"""Rows before this one were trained on; the 500 from here on are the accuracy set."""


def load_digits() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """All 1,797 images as float32 [n, 1, 8, 8] in 0..1, and their labels 0..9."""
    with np.load(DATA_FILE) as stored:
        images = stored["images"].reshape(-1, 1, 8, 8).astype(np.float32) / np.float32(16)
        return images, stored["labels"].astype(np.int64)


def held_out() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The 500 images that were never trained on: LoadGen's query sample library."""
    images, labels = load_digits()
    return images[FIRST_HELD_OUT:], labels[FIRST_HELD_OUT:]


def load_weights() -> Weights:
    """The trained weights by name: conv1_w, conv1_b, conv2_w, … dense_b."""
    with np.load(WEIGHTS_FILE) as stored:
        return {name: stored[name] for name in stored.files}


def columns(images: Floats, xp: ModuleType = np) -> Floats:
    """Every padded 3x3 neighbourhood: [n, c, h, w] -> [n, h, w, c * 9]."""
    n, c, h, w = images.shape
    windows = patches(padded(images.transpose(0, 2, 3, 1), 1, xp), 3, 1, xp)
    result: Floats = windows.transpose(0, 1, 2, 5, 3, 4).reshape(n, h, w, c * 9)
    return result


def convolve(images: Floats, weight: Floats, bias: Floats, xp: ModuleType = np) -> Floats:
    """A 3x3 convolution that keeps the size; weight is [out, in, 3, 3]."""
    n, _, h, w = images.shape
    out = len(weight)
    flat = weight.reshape(out, -1).T
    rows = columns(images, xp).reshape(n * h * w, -1) @ flat + bias
    result: Floats = rows.reshape(n, h, w, out).transpose(0, 3, 1, 2)
    return result


def forward(weights: Weights, images: Floats, xp: ModuleType = np) -> Floats:
    """Logits [n, 10] of images [n, 1, 8, 8]; both are arrays of `xp`."""
    hidden = relu(convolve(images, weights["conv1_w"], weights["conv1_b"], xp), xp)
    hidden = relu(convolve(hidden, weights["conv2_w"], weights["conv2_b"], xp), xp)
    n, c, h, w = hidden.shape
    hidden = hidden.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))
    hidden = relu(convolve(hidden, weights["conv3_w"], weights["conv3_b"], xp), xp)
    logits: Floats = hidden.reshape(n, -1) @ weights["dense_w"] + weights["dense_b"]
    return logits
