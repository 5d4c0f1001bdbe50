"""Makes the MLCFlow installation that official runs use: `plan` says what, `work.run` does it.

`place` knows which folder can be one, `python` which Python it gets, `checks` what the machine must
have, `network` whether what has to be fetched can be. `venv`, `packages`, `automations` and `proof`
are the steps: what each runs, and by what it is seen that it is done; `causes` knows why a command
failed, `told` is what a front end hears.

A step is done when a look at the disk says so, never because a command said that it went well: so a
call that was ended at any point is gone on with by the next one, and what is there already is taken
as it is.
"""
