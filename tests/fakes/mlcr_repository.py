"""An official installation in small: the three scripts' metadata, and an mlcr that only prints."""

from __future__ import annotations

import json
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
RUN = """\
tags: [run-mlperf, run-mlperf-inference, inference, mlperf]
default_env: {MODEL: resnet50, IMPLEMENTATION: reference, STYLE: test, DIVISION: open}
input_mapping:
  {model: MODEL, implementation: IMPLEMENTATION, lang: IMPLEMENTATION, framework: BACKEND,
   backend: BACKEND, category: CATEGORY, scenario: SCENARIO, device: DEVICE, precision: PRECISION,
   execution_mode: STYLE, division: DIVISION, results_dir: OUT, batch_size: BATCH, mode: MODE,
   debug: DEBUG, docker: DOCKER, imagenet_path: IMAGENET, min_duration: MIN, new_key: NEW}
input_description:
  model: {choices: [resnet50, retinanet]}
  implementation: {choices: [mlcommons-python, nvidia]}
  division: {choices: [open, closed], desc: MLPerf division}
  category: {choices: [edge, datacenter], default: edge}
  execution_mode: {choices: [test, fast, valid]}
  new_key: {desc: A key that the shipped list has not, choices: [1, 2]}
variations:
  r5.1-dev: {group: benchmark-version}
  r6.1-dev: {group: benchmark-version, default: true}
  all-modes: {group: mode}
  performance-and-accuracy: {group: submission-generation, default: true, base: [all-modes]}
  performance-only:
    {group: submission-generation, default_variations: {submission-generation-style: full}}
  accuracy-only: {group: submission-generation}
  find-performance: {group: submission-generation}
  full: {group: submission-generation-style}
  short: {group: submission-generation-style, default: 'true'}
  all-scenarios: {}
  small: {base: [short]}
"""
CALLED = """\
input_mapping: {max_batchsize: BATCH, num_threads: THREADS}
input_description: {max_batchsize: {desc: Maximum batchsize to be used}}
invalid_variation_combinations: [[retinanet, tf], [nvidia, pytorch]]
docker: {extra_run_args: ' --cap-add  SYS_ADMIN'}
variations:
  onnxruntime: {group: backend}
  pytorch: {group: backend}
  tf: {group: backend}
  tensorrt: {group: backend}
  cpu: {group: device, default: true}
  cuda: {group: device}
  test: {group: execution-mode, default: true}
  fast: {group: execution-mode}
  valid: {group: execution-mode}
  reference: {group: implementation, default: true}
  nvidia-original:
    {group: implementation, default_variations: {backend: tensorrt, device: cuda},
     docker: {extra_run_args: --runtime=nvidia}}
  nvidia: {alias: nvidia-original}
  mlcommons-python: {alias: reference}
  offline: {group: loadgen-scenario, default: true}
  server: {group: loadgen-scenario}
  singlestream: {group: loadgen-scenario}
  multistream: {group: loadgen-scenario}
  resnet50: {group: model, default: true}
  retinanet: {group: model}
  bert-99: {group: model}
  llama_: {group: model}
  llama-edge: {base: [llama_]}
  float32: {group: precision, default: true}
  int8: {group: precision}
  batch_size.#: {group: batch_size}
  reference,resnet50: {default_variations: {backend: onnxruntime}}
"""


def make(folder: Path) -> Path:
    """The installation, with everything that a plan asks for."""
    for name, meta in (
        ("run-mlperf-inference-app", RUN),
        ("app-mlperf-inference", CALLED),
        ("app-mlperf-inference-mlcommons-python", "input_mapping: {dataset: DATASET}\n"),
    ):
        script = folder / "repo/script" / name
        script.mkdir(parents=True)
        (script / "meta.yaml").write_text(meta)
    (folder / "repo/.git").mkdir()
    (folder / "repo/.git/HEAD").write_text("ref: refs/heads/dev\n")
    (folder / "repo/.git/packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/dev\n")
    (folder / "MLC/repos").mkdir(parents=True)
    (folder / "MLC/repos/repos.json").write_text(json.dumps([str(folder / "repo")]))
    mlcr = folder / "mlc/bin/mlcr"
    mlcr.parent.mkdir(parents=True)
    mlcr.write_text('#!/bin/sh\necho "$@"\n')
    mlcr.chmod(0o755)
    return folder
