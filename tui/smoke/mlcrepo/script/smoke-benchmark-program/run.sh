#!/bin/bash
# One LoadGen run; its own output is kept beside its logs, its exit status is the script's.
set -o pipefail
echo "Run Directory: $SMOKE_OUTPUT_DIR"
echo "CMD: $SMOKE_PYTHON -I -m tui.smoke.runner $SMOKE_OUTPUT_DIR"
"$SMOKE_PYTHON" -I -m tui.smoke.runner "$SMOKE_OUTPUT_DIR" 2>&1 | tee "$SMOKE_OUTPUT_DIR/console.out"
exit "${PIPESTATUS[0]}"
