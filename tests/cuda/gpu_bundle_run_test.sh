#!/usr/bin/env bash
# The bundle's script on hosts made of stand-ins: what it runs, what it says of failures and skips, and what it writes; and
# the arguments of the script that makes the bundle.
#   gpu_bundle_run_test.sh SCRIPTS
set -euo pipefail
scripts=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bundle/bin" "$work/bundle/lib" "$work/host"
cp "$scripts/gpu-bundle-run" "$work/bundle/run"
printf 'commit abc "quoted"\nnvcc 13.0\nglibc 2.36 or later\n' >"$work/bundle/VERSION"
fail() { echo "FAILED: $*" >&2; exit 1; }
program() { printf '#!/bin/sh\n%s\n' "$2" >"$1"; chmod +x "$1"; }
# run STATUS ARGUMENTS...: with that exit status; the output is in $work/out. Only what the script needs is on the path.
for tool in bash sh dirname uname date grep sed head cat mkdir mv basename printf env; do
  path=$(command -v "$tool") && case $path in /*) ln -sf "$path" "$work/host/$tool" ;; esac
done
run() {
  local wanted=$1 status=0
  shift
  (cd "$work" && PATH="$work/host" bash bundle/run "$@" >"$work/out" 2>&1) || status=$?
  [ $status = "$wanted" ] || fail "run $*: status $status instead of $wanted: $(cat "$work/out")"
}
# said WORDS: in one line on the output.
said() { [ "$(grep -c . "$work/out")" = 1 ] && grep -q "$1" "$work/out" || fail "not '$1' but: $(cat "$work/out")"; }
nothing_written() { [ -z "$(cd "$work" && ls -d results* 2>/dev/null)" ] || fail "something was written: $(ls "$work")"; }

program "$work/bundle/bin/llsa-compare" 'echo "$@"; exit 0'
program "$work/bundle/bin/cuda_gpu_a_test" 'echo "[       OK ] one"; echo "$@"'
program "$work/bundle/bin/cuda_gpu_device_test" 'echo "[       OK ] one"'
smi='case "$*" in *name*) echo "GPU \"X\"";; *driver*) echo 600.1;; *) echo "| CUDA Version: 13.0 |";; esac'

# Hosts where nothing can run: one line, status 2, nothing written.
run 2 results
said 'needs an NVIDIA driver'
program "$work/host/nvidia-smi" 'echo "NVIDIA-SMI has failed" >&2; exit 9'
run 2 results
said 'finds no GPU'
program "$work/host/nvidia-smi" "$smi"
program "$work/bundle/bin/llsa-compare" 'echo "version GLIBC_2.36 not found" >&2; exit 1'
run 2 results
said 'do not start here (they need glibc 2.36 or later): version GLIBC_2.36 not found'
program "$work/bundle/bin/llsa-compare" 'echo "$@"; exit 0'
run 2 --nonsense
said "'--nonsense' is not an option"
run 2 one two
said 'two folders'
nothing_written

# The steps by name, on any host.
rm "$work/host/nvidia-smi"
run 0 --list --quick results
for step in cuda_gpu_a_test sanitizer_memcheck_cuda_gpu_a_test sanitizer_racecheck_cuda_gpu_device_test \
  sanitizer_initcheck_cuda_gpu_a_test sanitizer_synccheck_cuda_gpu_a_test check_f32 check_f16 check_bf16 profile_f32 \
  profile_f16 profile_bf16 peers; do
  grep -q "^$step: " "$work/out" || fail "--list names no $step: $(cat "$work/out")"
done
grep -q '^check_bf16: bin/llsa-compare check --backend cuda --precision bf16 --quick' "$work/out" || fail "check's command"
nothing_written
program "$work/host/nvidia-smi" "$smi"
program "$work/host/compute-sanitizer" 'echo "$@"; exit 0'

run 0 results
[ ! -e "$work/results.part" ] || fail "the working folder is left"
grep -q '"device": "GPU \\"X\\""' "$work/results/summary.json" || fail "device: $(cat "$work/results/summary.json")"
grep -q '"commit": "abc \\"quoted\\""' "$work/results/summary.json" || fail "commit"
grep -q '"driver": "600.1"' "$work/results/summary.json" || fail "driver"
grep -q '| sanitizer_racecheck_cuda_gpu_device_test | passed |' "$work/results/summary.md" || fail "sanitizer"
grep -q 'check --backend cuda --precision f16' "$work/results/check_f16.log" || fail "check"
grep -q 'profile --backend cuda --precision bf16' "$work/results/summary.md" || fail "the profile is not in the summary"
if command -v python3 >/dev/null; then python3 -m json.tool "$work/results/summary.json" >/dev/null || fail "not JSON"; fi
run 2 results
said "'results' exists"

# Failures and skips are told apart from passes.
program "$work/bundle/bin/cuda_gpu_a_test" 'exit 1'
program "$work/bundle/bin/cuda_gpu_device_test" 'echo "[  SKIPPED ] one"'
run 1 other
grep -q '"cuda_gpu_a_test", "state": "failed (1)"' "$work/other/summary.json" || fail "a failure is not named"
grep -q '"cuda_gpu_device_test", "state": "skipped"' "$work/other/summary.json" || fail "a skip is not named"

# The script that makes the bundle, as far as it goes without building.
make() {
  local status=0
  bash "$scripts/gpu-bundle" "$@" >"$work/out" 2>&1 || status=$?
  [ $status = 2 ] || fail "gpu-bundle $*: status $status"
}
make --nonsense
said "'--nonsense' is not an option"
make "$work/one" two
said 'at most one folder'
make "$work/host"
said 'exists and is no bundle'
[ -e "$work/host/sed" ] || fail "a folder of somebody's was touched"
echo passed
