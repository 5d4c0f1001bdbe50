"""How the committed weights and the ONNX file were made. Development time only.

    python -m tui.smoke.train train    # digits.npz -> digits_cnn.npz, about 2 minutes on 2 cores
    python -m tui.smoke.train export   # digits_cnn.npz -> digits_cnn.onnx, needs the `onnx` package

Plain numpy SGD with a fixed seed. Sums of floats differ in their last bits between BLAS builds, so
another machine may end at slightly other weights; the committed ones are the benchmark.
"""

from __future__ import annotations

import math
import sys

import numpy as np
import numpy.typing as npt

from tui.smoke import networks
from tui.smoke.layers import Floats, Weights
from tui.smoke.networks import columns, forward

SEED = 7
EPOCHS = 60
BATCH = 64
LEARNING_RATE = 0.05
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
SHAPES = {
    "conv1_w": (16, 1, 3, 3),
    "conv2_w": (32, 16, 3, 3),
    "conv3_w": (32, 32, 3, 3),
    "dense_w": (512, 10),
}


def initial_weights(rng: np.random.Generator) -> Weights:
    """He initialisation, biases zero."""
    weights: Weights = {}
    for name, shape in SHAPES.items():
        fan_in = shape[0] if name == "dense_w" else math.prod(shape[1:])
        weights[name] = (rng.standard_normal(shape) * math.sqrt(2 / fan_in)).astype(np.float32)
        outputs = shape[1] if name == "dense_w" else shape[0]
        weights[name[:-1] + "b"] = np.zeros(outputs, np.float32)
    return weights


def conv_gradients(cols: Floats, weight: Floats, grad: Floats) -> tuple[Floats, Floats, Floats]:
    """Gradients by weight, bias and input, of a convolution whose output gradient is `grad`."""
    out, channels = weight.shape[:2]
    flat = grad.transpose(0, 2, 3, 1).reshape(-1, out)
    by_weight = (flat.T @ cols.reshape(len(flat), -1)).reshape(weight.shape)
    turned = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3).reshape(channels, -1)
    by_input = (columns(grad) @ turned.T).transpose(0, 3, 1, 2)
    return by_weight, flat.sum(axis=0), by_input


def gradients(weights: Weights, images: Floats, labels: npt.NDArray[np.int64]) -> Weights:
    """Gradients of the mean cross entropy, one array a weight."""
    cols1 = columns(images)
    out1 = np.maximum(networks.convolve(images, weights["conv1_w"], weights["conv1_b"]), 0)
    cols2 = columns(out1)
    out2 = np.maximum(networks.convolve(out1, weights["conv2_w"], weights["conv2_b"]), 0)
    n, c, h, w = out2.shape
    blocks = out2.reshape(n, c, h // 2, 2, w // 2, 2)
    pooled = blocks.max(axis=(3, 5))
    cols3 = columns(pooled)
    out3 = np.maximum(networks.convolve(pooled, weights["conv3_w"], weights["conv3_b"]), 0)
    flat = out3.reshape(n, -1)
    logits = flat @ weights["dense_w"] + weights["dense_b"]

    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    by_logits = exp / exp.sum(axis=1, keepdims=True)
    by_logits[np.arange(n), labels] -= 1
    by_logits /= n

    found: Weights = {"dense_w": flat.T @ by_logits, "dense_b": by_logits.sum(axis=0)}
    by_out3 = (by_logits @ weights["dense_w"].T).reshape(out3.shape) * (out3 > 0)
    found["conv3_w"], found["conv3_b"], by_pooled = conv_gradients(
        cols3, weights["conv3_w"], by_out3
    )
    is_max = blocks == pooled[:, :, :, None, :, None]
    by_out2 = (by_pooled[:, :, :, None, :, None] * is_max).reshape(out2.shape) * (out2 > 0)
    found["conv2_w"], found["conv2_b"], by_out1 = conv_gradients(cols2, weights["conv2_w"], by_out2)
    found["conv1_w"], found["conv1_b"], _ = conv_gradients(
        cols1, weights["conv1_w"], by_out1 * (out1 > 0)
    )
    return found


def shifted(images: Floats, rng: np.random.Generator) -> Floats:
    """Each image moved by up to one pixel, so that 1,297 images teach more than themselves."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    moved = np.empty_like(images)
    for i, (dy, dx) in enumerate(rng.integers(0, 3, (len(images), 2))):
        moved[i] = padded[i, :, dy : dy + 8, dx : dx + 8]
    return moved


def train() -> None:
    """Train and write digits_cnn.npz; prints the held-out accuracy every ten epochs."""
    rng = np.random.default_rng(SEED)
    images, labels = networks.load_digits()
    images, labels = images[: networks.FIRST_HELD_OUT], labels[: networks.FIRST_HELD_OUT]
    weights = initial_weights(rng)
    speed = {name: np.zeros_like(value) for name, value in weights.items()}
    steps = EPOCHS * math.ceil(len(images) / BATCH)
    step = 0
    for epoch in range(EPOCHS):
        order = rng.permutation(len(images))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            rate = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            found = gradients(weights, shifted(images[rows], rng), labels[rows])
            for name, grad in found.items():
                decay = WEIGHT_DECAY if name.endswith("_w") else 0
                speed[name] = MOMENTUM * speed[name] - rate * (grad + decay * weights[name])
                weights[name] = (weights[name] + speed[name]).astype(np.float32)
            step += 1
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: {held_out_accuracy(weights):.3%} of the held-out images")
    np.savez(networks.WEIGHTS_FILE, allow_pickle=False, **weights)


def held_out_accuracy(weights: Weights) -> float:
    """Share of the 500 held-out images that `weights` name rightly."""
    images, labels = networks.held_out()
    return float((forward(weights, images).argmax(axis=1) == labels).mean())


def export() -> None:
    """Write digits_cnn.onnx from digits_cnn.npz."""
    from onnx import TensorProto, checker, helper, numpy_helper

    weights = networks.load_weights()
    node, tensors = helper.make_node, []
    for name, value in weights.items():
        tensors.append(numpy_helper.from_array(value.astype(np.float32), name))
    nodes = []
    for i, source in ((1, "image"), (2, "relu1"), (3, "pool")):
        nodes.append(
            node("Conv", [source, f"conv{i}_w", f"conv{i}_b"], [f"conv{i}"], pads=[1, 1, 1, 1])
        )
        nodes.append(node("Relu", [f"conv{i}"], [f"relu{i}"]))
        if i == 2:
            nodes.append(node("MaxPool", ["relu2"], ["pool"], kernel_shape=[2, 2], strides=[2, 2]))
    nodes.append(node("Flatten", ["relu3"], ["flat"]))
    nodes.append(node("Gemm", ["flat", "dense_w", "dense_b"], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "digits_cnn",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 10])],
        tensors,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="mlperf-tui"
    )
    model.ir_version = 8
    checker.check_model(model)
    networks.ONNX_FILE.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    {"train": train, "export": export}[sys.argv[1]]()
