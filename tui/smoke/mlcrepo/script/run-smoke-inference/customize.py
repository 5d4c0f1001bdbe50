"""One LoadGen run for each scenario and mode asked for, and the table at the end.

Loaded by mlcflow, in mlcr's own process. The log lines have the wording of the official scripts, so
one reader of console logs serves both.
"""

from __future__ import annotations

import json
import re
import socket
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

MODELS = {"smoke": ("cpu", "cuda"), "smoke-resnet50": ("cuda",)}
"""The devices of each."""
ENGINES = {
    "cpu": ("onnxruntime", ("onnxruntime",)),
    "cuda": ("cupy", ("cupy-cuda12x", "cupy-cuda13x", "cupy")),
}
"""What runs the network on each device, and the packages that hold it: one of them is installed."""
SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
MIN_DURATION_S = {"test": 5.0, "fast": 60.0, "valid": 600.0}
SETTINGS = {
    "max_duration_s": "SMOKE_MAX_DURATION",
    "min_query_count": "SMOKE_MIN_QUERY_COUNT",
    "max_query_count": "SMOKE_MAX_QUERY_COUNT",
    "performance_sample_count": "SMOKE_PERFORMANCE_SAMPLE_COUNT",
    "batch_size": "SMOKE_BATCH",
    "threads": "SMOKE_THREADS",
    "delay_us": "SMOKE_DELAY_US",
}
"""The runner's settings that an environment key gives directly."""


def preprocess(i: dict[str, Any]) -> dict[str, Any]:
    """Run everything; mlcflow's answer is {"return": 0} or {"return": 1, "error": sentence}."""
    env, automation = i["env"], i["automation"]
    logger = automation.logger
    try:
        plan = planned(env)
    except ValueError as error:
        return {"return": 1, "error": str(error)}
    for warning in warnings(env):
        logger.warning(warning)
    rows = []
    for scenario, mode in plan:
        logger.info(f"Running loadgen scenario: {scenario} and mode: {mode}")
        folder = output_dir(env, scenario, mode)
        logger.info(f"Output Dir: '{folder}'")
        if has_result(folder, mode) and env.get("SMOKE_RERUN", "") in ("", "no", "False", False):
            logger.warning("Run files exist, skipping run...")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            settings = settings_for(env, scenario, mode)
            (folder / "smoke.json").write_text(json.dumps(settings, indent=1))
            answer = automation.action_object.access(
                {
                    "action": "run",
                    "target": "script",
                    "tags": "benchmark-program,smoke",
                    "env": {"SMOKE_PYTHON": sys.executable, "SMOKE_OUTPUT_DIR": str(folder)},
                    "quiet": True,
                    "recursion_spaces": i.get("recursion_spaces", "") + "    ",
                }
            )
            if answer["return"] > 0:
                return dict(answer)
        rows.append((model_of(env), scenario, *table_cells(scenario, mode, folder)))
    logger.info("\n" + table(rows))
    logger.info(f"The MLPerf inference results are stored at {env['SMOKE_RESULTS_ROOT']}")
    return {"return": 0}


def planned(env: dict[str, Any]) -> list[tuple[str, str]]:
    """Every (scenario, mode) to run, in order; ValueError for a value that is not served here."""
    scenario, device, style = env["SMOKE_SCENARIO"], env["SMOKE_DEVICE"], env["SMOKE_RUN_STYLE"]
    if scenario not in SCENARIOS:
        raise ValueError(f"Scenario {scenario} is not one of {', '.join(SCENARIOS)}")
    if device not in ENGINES:
        raise ValueError(f"Device {device} is not one of {', '.join(ENGINES)}")
    if device not in MODELS[model_of(env)]:
        only = ", ".join(MODELS[model_of(env)])
        raise ValueError(f"{model_of(env)} does not run on device {device}: only on {only}")
    if style not in MIN_DURATION_S:
        raise ValueError(f"Execution mode {style} is not one of {', '.join(MIN_DURATION_S)}")
    scenarios = SCENARIOS if env.get("SMOKE_ALL_SCENARIOS") == "yes" else (scenario,)
    modes = str(env.get("SMOKE_MODE") or env["SMOKE_MODES"]).split(",")
    return [(one, mode) for one in scenarios for mode in modes]


def model_of(env: dict[str, Any]) -> str:
    """The model that is used: what was asked for, where this repository has it."""
    return env["SMOKE_MODEL"] if env["SMOKE_MODEL"] in MODELS else "smoke"


def warnings(env: dict[str, Any]) -> list[str]:
    """What was asked for and is not here; said, because the command line is the official one."""
    engine, _ = ENGINES[env["SMOKE_DEVICE"]]
    asked = {
        "model": (env["SMOKE_MODEL"], model_of(env)),
        "implementation": (env["SMOKE_IMPLEMENTATION"], "smoke"),
        "framework": (env.get("SMOKE_FRAMEWORK", engine), engine),
        "precision": (env.get("SMOKE_PRECISION", "float32"), "float32"),
    }
    return [
        f"{name} '{value}' is not here, '{here}' is used. Not an MLPerf result."
        for name, (value, here) in asked.items()
        if value != here
    ]


def output_dir(env: dict[str, Any], scenario: str, mode: str) -> Path:
    """The folder of one LoadGen run, in the official results tree."""
    host = re.sub(r"\W", "_", socket.gethostname())
    device = env["SMOKE_DEVICE"]
    engine, packages = ENGINES[device]
    sut = f"{host}-smoke-{device}-{engine}-v{installed_version(packages)}-default_config"
    tree = Path(env["SMOKE_RESULTS_ROOT"]) / f"{env['SMOKE_RUN_STYLE']}_results" / sut
    last = "performance/run_1" if mode == "performance" else mode
    return tree / model_of(env) / scenario.lower() / last


def installed_version(packages: tuple[str, ...]) -> str:
    """Of the first that is there, by its metadata; `none`: the runner will say what is missing."""
    for package in packages:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "none"


def has_result(folder: Path, mode: str) -> bool:
    """A finished run lies there (an interrupted one leaves empty files)."""
    name = "accuracy.txt" if mode == "accuracy" else "mlperf_log_summary.txt"
    path = folder / name
    return path.is_file() and path.stat().st_size > 0


def settings_for(env: dict[str, Any], scenario: str, mode: str) -> dict[str, Any]:
    """What the runner gets: LoadGen's settings, in seconds, milliseconds and samples a second."""
    settings: dict[str, Any] = {
        "model": model_of(env),
        "device": env["SMOKE_DEVICE"],
        "scenario": scenario,
        "mode": mode,
        "min_duration_s": float(
            env.get("SMOKE_MIN_DURATION") or MIN_DURATION_S[env["SMOKE_RUN_STYLE"]]
        ),
    }
    given = dict(SETTINGS)
    rate_key = {"Offline": "SMOKE_OFFLINE_TARGET_QPS", "Server": "SMOKE_SERVER_TARGET_QPS"}
    given["target_qps"] = first_set(env, rate_key.get(scenario, ""), "SMOKE_TARGET_QPS")
    given["target_latency_ms"] = first_set(
        env, f"SMOKE_{scenario.upper()}_TARGET_LATENCY", "SMOKE_TARGET_LATENCY"
    )
    for name, key in given.items():
        if env.get(key):
            settings[name] = float(env[key])
    if env.get("SMOKE_TEST_QUERY_COUNT"):
        count = float(env["SMOKE_TEST_QUERY_COUNT"])
        settings.update(min_query_count=count, max_query_count=count, min_duration_s=0)
    return settings


def first_set(env: dict[str, Any], *keys: str) -> str:
    """The first key that has a value, else the last one."""
    return next((key for key in keys if env.get(key)), keys[-1])


def table_cells(scenario: str, mode: str, folder: Path) -> tuple[str, str, str]:
    """Accuracy, throughput, latency, as the official table has them."""
    if mode == "accuracy":
        found = re.search(r"accuracy=([\d.]+)%", (folder / "accuracy.txt").read_text())
        return (found[1] if found else "-", "-", "-")
    values: dict[str, Any] = {}
    for line in (folder / "mlperf_log_detail.txt").read_text().splitlines():
        entry = json.loads(line.partition(" ")[2])
        values[entry["key"]] = entry["value"]
    mark = "" if values.get("result_validity") == "VALID" else "X "
    if scenario in ("SingleStream", "MultiStream"):
        stream = "ss" if scenario == "SingleStream" else "ms"
        latency = values.get(f"early_stopping_latency_{stream}", 0) / 1e6
        rate = 1000 * values.get("effective_samples_per_query", 1) / latency if latency else 0
        return ("-", f"{mark}{rate:.3f}", f"{mark}{latency:.3f}")
    key = "samples_per_second" if scenario == "Offline" else "completed_samples_per_sec"
    return ("-", f"{mark}{values.get('result_' + key, 0):.3f}", "-")


def table(rows: list[tuple[str, ...]]) -> str:
    """The rows between rules, in the official form."""
    head = ("Model", "Scenario", "Accuracy", "Throughput", "Latency (in ms)")
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = [rule]
    for row in (head, *rows):
        cells = (cell.center(width) for cell, width in zip(row, widths))
        lines.append("| " + " | ".join(cells) + " |")
        if row is head:
            lines.append(rule)
    return "\n".join([*lines, rule])
