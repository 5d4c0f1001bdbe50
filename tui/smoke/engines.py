"""What runs a network: onnxruntime on the CPU, CuPy on a GPU."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tui.smoke import networks
from tui.smoke.models import MODELS, Images, Model

Classes = npt.NDArray[np.int32]


class EngineError(Exception):
    """The engine cannot run here; one sentence that says why, and what to do."""


class Engine(Protocol):
    """The network, ready for queries."""

    @property
    def name(self) -> str:
        """Library, version, and what it runs on."""

    def classify(self, images: Images) -> Classes:
        """The class of each image in host memory, as int32 [n] in host memory, when it is done.

        Raises:
            EngineError: it cannot.
        """


class OnnxEngine:
    """The digits network on onnxruntime."""

    def __init__(self, threads: int) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(
            str(networks.ONNX_FILE), options, providers=["CPUExecutionProvider"]
        )
        self.name = f"onnxruntime {ort.__version__} CPUExecutionProvider"

    def classify(self, images: Images) -> Classes:
        """The digit in each image [n, 1, 8, 8]."""
        (logits,) = self._session.run(None, {"image": images})
        digits: Classes = logits.argmax(axis=1).astype(np.int32)
        return digits


class Slowed:
    """An engine that takes `delay_us` longer for each image, for testing limits."""

    def __init__(self, engine: Engine, delay_us: float) -> None:
        self._engine, self._delay_s = engine, delay_us / 1e6
        self.name = engine.name

    def classify(self, images: Images) -> Classes:
        """As the engine does it, later."""
        classes = self._engine.classify(images)
        time.sleep(self._delay_s * len(images))
        return classes


def load(model_name: str, device: str, threads: int, delay_us: float) -> Engine:
    """The engine of a device with that model on it.

    Raises:
        EngineError: it cannot run here.
    """
    engine = _engine(model_name, MODELS[model_name], device, threads)
    return Slowed(engine, delay_us) if delay_us else engine


def _engine(model_name: str, model: Model, device: str, threads: int) -> Engine:
    if device == "cuda":
        from tui.smoke.cupy_engine import CupyEngine

        return CupyEngine(model)
    if not model.has_onnx_file:
        raise EngineError(f"{model_name} does not run on device {device}: only on cuda")
    return OnnxEngine(threads)
