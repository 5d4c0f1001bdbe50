"""Engine values in, rows out: pure functions, shared by screens and command line."""
