#!/bin/bash
echo "CMD: $FAULT"
case "$FAULT" in
  fail)
    python3 -c 'raise KeyError("no such layer")' ;;
  sleep)
    echo "INFO:main:starting TestScenario.Offline"
    sleep "${FAULT_SECONDS:-60}"
    echo "TestScenario.Offline qps=1.0, mean=1.0, time=${FAULT_SECONDS:-60}, queries=1" ;;
  bar)
    echo "Downloading from https://example.org/model.onnx"
    for ((n = 0; n <= 100; n += 1)); do
      printf '\r%3d%% [%-20s]' "$n" "$(printf '#%.0s' $(seq 0 $((n / 5))))"
      sleep "$(awk "BEGIN { print ${FAULT_SECONDS:-1} / 100 }")"
    done
    echo ;;
  memory)
    python3 -c '
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
bytearray(2 << 30)' ;;
  killed)
    bash -c 'kill -9 $$' ;;
  crash)
    python3 -X faulthandler -c 'import ctypes; ctypes.string_at(0)' ;;
  daemon)
    setsid sleep 600 > /dev/null 2>&1 &
    echo "left one behind" ;;
  full)
    head -c 8M /dev/zero > "$FAULT_FOLDER/data.bin" ;;
  network)
    python3 -c 'import urllib.request; urllib.request.urlopen("http://no-such-host.invalid/x")' ;;
  missing)
    no-such-compiler --version ;;
esac
