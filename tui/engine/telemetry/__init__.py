"""What host and GPUs did meanwhile. `SOURCES` lists where readings come from."""

from __future__ import annotations

from tui.engine.telemetry.host import HostSource
from tui.engine.telemetry.nvml import NvmlSource

SOURCES = (HostSource, NvmlSource)
