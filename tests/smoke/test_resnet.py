"""The ResNet-50 shape: its size, and that onnxruntime computes the same from the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tui.smoke import resnet
from tui.smoke.layers import Floats, Weights


@pytest.fixture(scope="module")
def weights() -> Weights:
    return resnet.make_weights()


@pytest.fixture(scope="module")
def images() -> Floats:
    return resnet.images()[:3]


@pytest.fixture(scope="module")
def logits(weights: Weights, images: Floats) -> Floats:
    return resnet.forward(weights, images)


def test_layers_and_multiply_adds_are_those_of_resnet50(weights: Weights) -> None:
    assert len(resnet.CONVOLUTIONS) == 53
    assert len({one.name for one in resnet.CONVOLUTIONS}) == 53
    assert resnet.MULTIPLY_ADDS == 4_089_184_256  # torchvision's table: 4.09 GMAC
    assert f"{resnet.MULTIPLY_ADDS / 1e9:.2f}" == "4.09"
    # torchvision's 25,557,032 parameters: batch normalisation has two an output, folded one is left
    outputs = sum(one.outputs for one in resnet.CONVOLUTIONS)
    assert sum(one.size for one in weights.values()) == 25_557_032 - outputs


def test_layers_fit_to_each_other(weights: Weights) -> None:
    side, channels = 56, 64
    for block in resnet.BLOCKS:
        assert (block.first.inputs, block.first.side) == (channels, side)
        assert block.middle.inputs == block.first.outputs
        assert block.last.inputs == block.middle.outputs
        assert block.last.side == block.middle.side == side // block.middle.stride
        side, channels = block.last.side, block.last.outputs
    assert (side, channels) == (7, 2048)
    assert len(weights) == 2 * 54


def test_weights_and_images_are_the_same_each_time(weights: Weights) -> None:
    again = resnet.make_weights()
    assert all(np.array_equal(again[name], one) for name, one in weights.items())
    assert {one.dtype for one in weights.values()} == {np.dtype(np.float32)}
    assert resnet.images().shape == (resnet.IMAGES, 224, 224, 3)
    assert len({one.tobytes() for one in resnet.images()}) == resnet.IMAGES


def test_float32_gives_the_answers_of_float64_with_a_wide_margin(
    weights: Weights, images: Floats, logits: Floats
) -> None:
    wide = {name: one.astype(np.float64) for name, one in weights.items()}
    reference = resnet.forward(wide, images.astype(np.float64))
    assert (logits.dtype, reference.dtype) == (np.float32, np.float64)
    error = np.abs(logits - reference).max()
    best = np.sort(reference, axis=1)[:, -2:]
    assert error < 2e-5
    assert (best[:, 1] - best[:, 0]).min() > 50 * error
    assert list(logits.argmax(axis=1)) == list(reference.argmax(axis=1))


def test_images_get_different_answers(logits: Floats) -> None:
    """Otherwise agreement would say nothing."""
    assert len(set(logits.argmax(axis=1).tolist())) > 1
    assert np.isfinite(logits).all()
    assert 0.01 < logits.std() < 10


def test_an_image_gets_the_same_answer_alone_and_in_a_batch(
    weights: Weights, images: Floats, logits: Floats
) -> None:
    np.testing.assert_allclose(resnet.forward(weights, images[:1]), logits[:1], atol=2e-5)


def test_onnxruntime_and_numpy_agree(weights: Weights, images: Floats, logits: Floats) -> None:
    """The graph is written down here once more, by ONNX's own operators."""
    session = onnxruntime.InferenceSession(
        onnx_model(weights).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (by_onnx,) = session.run(None, {"image": images.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(by_onnx, logits, rtol=0, atol=5e-5)
    assert list(by_onnx.argmax(axis=1)) == list(logits.argmax(axis=1))


def onnx_model(weights: Weights) -> Any:
    """ResNet-50 v1.5 as torchvision has it, with our weights."""
    nodes, tensors = [], []

    def tensor(name: str, value: Floats) -> str:
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [f"v{len(nodes)}"], **attributes))
        return f"v{len(nodes) - 1}"

    def conv(name: str, source: str, kernel: int, stride: int) -> str:
        weight = weights[f"{name}_w"]
        shaped = weight.reshape(kernel, kernel, -1, weight.shape[1]).transpose(3, 2, 0, 1)
        inputs = (source, tensor(f"{name}_w", shaped), tensor(f"{name}_b", weights[f"{name}_b"]))
        return node("Conv", *inputs, strides=[stride] * 2, pads=[kernel // 2] * 4)

    x = node("Relu", conv("stem", "image", 7, 2))
    x = node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage, blocks in enumerate((3, 4, 6, 3), 1):
        for block in range(1, blocks + 1):
            name, stride = f"stage{stage}_block{block}", 2 if block == 1 and stage > 1 else 1
            y = node("Relu", conv(f"{name}_first", x, 1, 1))
            y = node("Relu", conv(f"{name}_middle", y, 3, stride))
            y = conv(f"{name}_last", y, 1, 1)
            around = conv(f"{name}_shortcut", x, 1, stride) if block == 1 else x
            x = node("Relu", node("Add", y, around))
    x = node("Flatten", node("GlobalAveragePool", x))
    dense = [tensor(f"dense_{part}", weights[f"dense_{part}"]) for part in "wb"]
    nodes.append(helper.make_node("Gemm", [x, *dense], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "resnet50_shape",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1000])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model
