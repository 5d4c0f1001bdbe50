"""Reusable parts of what is shown: no MLPerf, no files, no GPU."""
