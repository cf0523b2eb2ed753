#!/usr/bin/env bash
# The bundle's script on hosts made of stand-ins: what it runs, what it says of failures and skips, and what it writes.
#   gpu_bundle_run_test.sh SCRIPT
set -euo pipefail
script=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bundle/bin" "$work/bundle/lib" "$work/host"
cp "$script" "$work/bundle/run"
printf 'commit abc "quoted"\nnvcc 13.0\n' >"$work/bundle/VERSION"
fail() { echo "FAILED: $*" >&2; exit 1; }
program() { printf '#!/bin/sh\n%s\n' "$2" >"$1"; chmod +x "$1"; }

# A host without a driver: one line, status 2, nothing written. Only what the script needs is on the path.
for tool in bash sh dirname uname date grep sed head cat mkdir mv basename printf env; do
  path=$(command -v "$tool") && case $path in /*) ln -sf "$path" "$work/host/$tool" ;; esac
done
run() { (cd "$work" && PATH="$work/host" bash bundle/run "$@" >"$work/out" 2>&1); }
status=0; run results || status=$?
[ $status = 2 ] || fail "no driver: status $status"
grep -q 'needs an NVIDIA driver' "$work/out" || fail "no driver: $(cat "$work/out")"
[ ! -e "$work/results" ] || fail "no driver: something was written"

program "$work/host/nvidia-smi" 'case "$*" in *name*) echo "GPU \"X\"";; *driver*) echo 600.1;; *) echo "| CUDA Version: 13.0 |";; esac'
program "$work/bundle/bin/llsa-compare" 'echo "$@"; exit 0'
program "$work/bundle/bin/llsa-cuda-profile" "exit 0"
program "$work/bundle/bin/cuda_gpu_a_test" 'echo "[       OK ] one"; echo "$@"'
program "$work/host/compute-sanitizer" 'echo "$@"; exit 0'
program "$work/bundle/bin/cuda_gpu_device_test" 'echo "[       OK ] one"'

run results || fail "all pass: $(cat "$work/out")"
grep -q '"device": "GPU \\"X\\""' "$work/results/summary.json" || fail "device: $(cat "$work/results/summary.json")"
grep -q '"commit": "abc \\"quoted\\""' "$work/results/summary.json" || fail "commit"
grep -q '| sanitizer_racecheck | passed |' "$work/results/summary.md" || fail "sanitizer"
grep -q 'check --backend cuda --precision f32' "$work/results/check_f32.log" || fail "check"
if command -v python3 >/dev/null; then python3 -m json.tool "$work/results/summary.json" >/dev/null || fail "not JSON"; fi

# Failures and skips are told apart from passes.
program "$work/bundle/bin/cuda_gpu_a_test" 'exit 1'
program "$work/bundle/bin/cuda_gpu_device_test" 'echo "[  SKIPPED ] one"'
status=0; run other || status=$?
[ $status = 1 ] || fail "a failure: status $status"
grep -q '"cuda_gpu_a_test", "state": "failed (1)"' "$work/other/summary.json" || fail "a failure is not named"
grep -q '"cuda_gpu_device_test", "state": "skipped"' "$work/other/summary.json" || fail "a skip is not named"
status=0; run --nonsense || status=$?
[ $status = 2 ] || fail "an unknown option: status $status"
echo passed
