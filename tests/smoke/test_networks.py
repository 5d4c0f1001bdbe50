"""The committed network is one thing in three forms: weights, ONNX file, accuracy figure."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from tui.smoke import networks, train


def test_the_onnx_file_holds_the_committed_weights() -> None:
    model = onnx.load(networks.ONNX_FILE)
    onnx.checker.check_model(model, full_check=True)
    stored = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    weights = networks.load_weights()
    assert stored.keys() == weights.keys()
    for name, value in weights.items():
        np.testing.assert_array_equal(stored[name], value)
    assert sum(value.size for value in weights.values()) == 19_178


def test_onnxruntime_and_numpy_agree_on_every_image() -> None:
    images, labels = networks.load_digits()
    session = onnxruntime.InferenceSession(
        str(networks.ONNX_FILE), providers=["CPUExecutionProvider"]
    )
    (by_onnx,) = session.run(None, {"image": images})
    by_numpy = networks.forward(networks.load_weights(), images)
    np.testing.assert_allclose(by_onnx, by_numpy, rtol=1e-3, atol=1e-4)
    held_out = slice(networks.FIRST_HELD_OUT, None)
    right = by_onnx[held_out].argmax(axis=1) == labels[held_out]
    assert (int(right.sum()), len(right)) == (492, 500)


def test_gradients_are_those_of_the_loss() -> None:
    """The training script computes what it says: against central differences."""
    rng = np.random.default_rng(3)
    weights = {name: value.astype(np.float64) for name, value in networks.load_weights().items()}
    images, labels = networks.load_digits()
    images, labels = images[:4].astype(np.float64), labels[:4]

    def loss() -> float:
        logits = networks.forward(weights, images)
        logits = logits - logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-logs[np.arange(4), labels].mean())

    found = train.gradients(weights, images, labels)
    for name, value in weights.items():
        place = tuple(rng.integers(0, size) for size in value.shape)
        kept, step = value[place], 1e-6
        value[place] = kept + step
        above = loss()
        value[place] = kept - step
        below = loss()
        value[place] = kept
        assert abs((above - below) / (2 * step) - found[name][place]) < 1e-6, name
