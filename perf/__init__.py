"""Our own speed and memory, measured: `python -m perf`. Figures and ratios, no verdicts."""
