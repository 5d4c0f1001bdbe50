"""The embedded benchmarks `smoke` and `smoke-resnet50` through the real mlcr and the real LoadGen.

Not MLPerf benchmarks. They tell in seconds whether LoadGen, the clock and the scheduler of this
host can be trusted, and its GPU. Package data and child processes only; nothing here imports the
engine of mlperf-tui.

Where things lie: `mlcrepo/` is our automation repository, `runner.py` the SUT that mlcr starts,
`models.py` what it can be asked for, `networks.py` and `resnet.py` the networks over numpy or cupy
(`layers.py`), `engines.py` and `cupy_engine.py` what runs them, `train.py` how the digits' weights
and the ONNX file were made.
"""
