"""Everything that works without a terminal. Read this first.

A run is a folder. One half fills it, the other reads it, and nothing else joins them:

1. `catalog.load()` reads `profiles/` and the user's own folder over it.
2. `spec.choose(...)` completes a choice by profile and `mlcr_options`, what mlcr takes; `spec.plan`
   checks it (`checks`) and knows the exact argv: a `RunSpec`. `command` and `presets` make the same
   choice from a pasted command, or from a name.
3. `RunStore.create(spec)` makes the folder and writes `run.json`: a `Run`.
4. `RUNNERS[target.runner].submit(run)` hands the folder over: here, to a detached supervisor.
5. `supervisor` waits for the run's turn (`queue`) and starts `keeper`, which starts the command
   with its output straight into `console.log`, waits for it and writes `exit.json`. The supervisor
   only reads and records: `events.jsonl` (phases from `console`), `telemetry.csv`, `state.json`.
   It may be killed and started again at any time; the command does not notice.
6. `launch` does 2 to 4 for whoever asks: the command line and the app.
7. `follow.follow(run)` turns the folder into a stream of events, live or afterwards.
8. `results.read_results(path)` finds LoadGen's logs, reads and judges them; `published` knows the
   figures to set beside them.

A health probe goes the same way: `launch` plans it, its command is `probe_cupy`, and in place of
`console` and `results` the supervisor reads and judges by the package `probe`.

`doctor` stands beside all that: checks of the machine and of what is set up on it, each with its
fix; some of them `launch` asks before every run.
The package `setup` stands beside that walk: it makes the installation that `mlcflow` then finds.

`flock` is the truth about who is alive, pids are hints. Raw output is kept as it came; everything
else is derived from it and may be derived again.
"""
