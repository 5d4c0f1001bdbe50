"""The health probe: what it measures (`metrics`), what its body said (`record`), why it could not
(`failures`), how it is judged (`verdict`), and against which earlier ones (`history`).

The body is `tui.engine.probe_cupy`, a process of its own. A probe is a run like any other, of kind
`probe`: its folder holds the body's lines (console.log) and the object of `probe --json`
(result.json).
"""
