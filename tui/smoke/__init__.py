"""The embedded benchmark `smoke`: handwritten digits through the real mlcr and the real LoadGen.

Not an MLPerf benchmark. It tells in seconds whether LoadGen, the clock and the scheduler of this
host can be trusted. Package data and child processes only; nothing here imports the engine.

Where things lie: `mlcrepo/` is our automation repository, `runner.py` the SUT that mlcr starts,
`networks.py` the network in plain numpy, `train.py` how the weights and the ONNX file were made.
"""
