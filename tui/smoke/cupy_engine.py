"""A network on a GPU with CuPy: the only file here that imports it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from tui.smoke.engines import Classes, EngineError
from tui.smoke.models import Images, Model

PACKAGES = ("cupy-cuda12x", "cupy-cuda13x")


class CupyEngine:
    """The weights lie on the GPU; each call takes images there and brings the classes back."""

    def __init__(self, model: Model) -> None:
        with explained():
            import cupy

            self._cupy, self._forward = cupy, model.forward
            gpu = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()
            self._weights = {name: cupy.asarray(one) for name, one in model.weights().items()}
            self.name = f"cupy {cupy.__version__} {gpu}"

    def classify(self, images: Images) -> Classes:
        """The class of each image; over when the GPU is done, as the copy back waits for it."""
        with explained():
            logits = self._forward(self._weights, self._cupy.asarray(images), self._cupy)
            classes: Classes = self._cupy.asnumpy(logits.argmax(axis=1)).astype(np.int32)
            return classes


@contextmanager
def explained() -> Iterator[None]:
    """Whatever CuPy raises within becomes an EngineError of one sentence."""
    try:
        yield
    # Its own classes cannot be named before it is imported, and the libraries that it looks for at
    # the first call bring more.
    except Exception as error:
        raise EngineError(explanation(error)) from error


def explanation(error: Exception) -> str:
    """What is missing and how to mend it, in one line."""
    words = next(iter(str(error).splitlines()), "")[:200]
    told = f"({type(error).__name__}: {words})"
    if isinstance(error, ModuleNotFoundError):
        return f"CuPy is not installed, or not all of it {told}; {_install()}"
    if _is_library_missing(error):
        return f"CuPy finds no cuBLAS, NVRTC or CUDA headers {told}; {_install()}"
    if isinstance(error, OSError):
        return (
            f"CuPy cannot write its kernel cache {told}; set CUPY_CACHE_DIR to a folder of your own"
        )
    for sign, sentence in FIXES.items():
        if sign in told:
            return sentence.format(told=told, visible=os.environ.get("CUDA_VISIBLE_DEVICES"))
    return f"CuPy failed {told}"


FIXES = {
    "cudaErrorInsufficientDriver": (
        "no NVIDIA driver runs here, or one too old for this CuPy {told}; install or update the "
        "driver until nvidia-smi shows the GPU"
    ),
    "cudaErrorNoDevice": (
        "no GPU is visible {told}; check nvidia-smi and CUDA_VISIBLE_DEVICES (now {visible})"
    ),
    "cudaErrorDevicesUnavailable": (
        "the GPU is held by another process {told}; end that, or set its compute mode to Default"
    ),
}
MEMORY_FULL = (
    "GPU memory is full {told}; end what else uses it (nvidia-smi lists it), or give a smaller "
    "batch_size"
)
FIXES |= dict.fromkeys(
    ("cudaErrorMemoryAllocation", "OutOfMemoryError", "CUBLAS_STATUS_ALLOC_FAILED"), MEMORY_FULL
)
"""The sign in CuPy's words, and the sentence."""


def _is_library_missing(error: Exception) -> bool:
    """cuBLAS raises ImportError when it is first called, NVRTC an error of cuda.pathfinder."""
    name = type(error).__name__
    no_header = name == "CompileException" and "open source file" in str(error)
    return isinstance(error, ImportError) or name.startswith("DynamicLib") or no_header


def _install() -> str:
    """The pip line, for the CuPy that is there."""
    package = next((one for one in PACKAGES if _is_installed(one)), PACKAGES[0])
    return f"install it with: {sys.executable} -m pip install '{package}[ctk]'"


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
