"""The files that describe what ran: the system, the measurements, LoadGen's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui.engine.results import text
from tui.engine.results.model import Accelerator

REQUIRED = (
    "division", "submitter", "status", "system_name", "number_of_nodes",
    "host_processor_model_name", "host_processors_per_node", "host_processor_core_count",
    "host_memory_capacity", "host_storage_capacity", "host_storage_type", "accelerators_per_node",
    "accelerator_model_name", "accelerator_memory_capacity", "framework", "operating_system",
    "system_type", "other_software_stack", "host_processor_frequency", "host_processor_caches",
    "host_memory_configuration", "host_processor_interconnect", "host_networking",
    "host_networking_topology", "accelerator_frequency", "accelerator_host_interconnect",
    "accelerator_interconnect", "accelerator_interconnect_topology",
    "accelerator_memory_configuration", "accelerator_on-chip_memories", "cooling", "hw_notes",
    "sw_notes",
)  # fmt: skip
"""What every round since v1.0 asks for (SYSTEM_DESC_REQUIRED_FIELDS of the submission checker); a
round's own file names what it asks for beside."""
MEASUREMENTS = (
    "input_data_types", "retraining", "starting_weights_filename", "weight_data_types",
    "weight_transformations",
)  # fmt: skip
"""SYSTEM_IMP_REQUIRED_FILES of the submission checker."""
NOTHING = ("", "N/A", "none", "None", "no accelerator")


def accelerator(system: Mapping[str, Any]) -> Accelerator | None:
    """Name and number of accelerators in all nodes; None for a system without any."""
    name = text.word(system.get("accelerator_model_name"))
    each, nodes = (_count(system.get(key)) for key in ("accelerators_per_node", "number_of_nodes"))
    if name is None or name in NOTHING or each == 0:
        return None
    return Accelerator(name, each * (nodes or 1) if each is not None else None)


def is_system(found: Mapping[str, Any]) -> bool:
    """A system's description, complete or not."""
    return "accelerator_model_name" in found or "host_processor_model_name" in found


def is_measurements(found: Mapping[str, Any]) -> bool:
    """A measurements file."""
    return any(name in found for name in MEASUREMENTS)


def missing(found: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    """Which of these it does not hold."""
    return [name for name in names if name not in found]


def conf_models(*paths: Path) -> list[str]:
    """The models that lines of user.conf name (`resnet50.Offline.target_qps = …`), each once."""
    found: dict[str, None] = {}
    for path in paths:
        for line in (text.small(path) or "").splitlines():
            name, _, rest = line.strip().partition("=")
            parts = name.strip().rsplit(".", 2)
            if rest and len(parts) == 3 and not name.startswith("#") and parts[0] != "*":
                found[parts[0]] = None
    return list(found)


def _count(value: Any) -> int | None:
    """Counts stand there as numbers or as texts."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    return text.whole(value)
