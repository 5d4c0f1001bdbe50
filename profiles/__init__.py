"""Data, no code: benchmarks, environments and targets, one YAML file a thing."""
