#!/usr/bin/env bash
# Cross-compiles the native library for 64-bit ARM and runs the native kernel tests, NEON against
# the reference, under emulation. Needs aarch64-linux-gnu-g++ and qemu-aarch64 (Debian packages
# g++-aarch64-linux-gnu and qemu-user).
#
#     tools/neon.sh [BUILD FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/neon}
triple=aarch64-linux-gnu
emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static || true)
if ! command -v "$triple-g++" > /dev/null || [ -z "$emulator" ]; then
  echo "tools/neon.sh: install g++-aarch64-linux-gnu and qemu-user first" >&2
  exit 1
fi
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DPYDL_PYTHON=OFF -DPYDL_TESTS=ON \
  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_C_COMPILER="$triple-gcc" -DCMAKE_CXX_COMPILER="$triple-g++" > /dev/null
cmake --build "$build" --target pydl_native_tests -j "${PYDL_JOBS:-2}"
file_type=$(od -An -tx1 -j18 -N1 "$build/pydl_native_tests" | tr -d ' ')
[ "$file_type" = b7 ] || { echo "tools/neon.sh: not an AArch64 program" >&2; exit 1; }
"$emulator" -L "/usr/$triple" "$build/pydl_native_tests" | tee "$build/native_tests.txt"
grep -q '^neon: ' "$build/native_tests.txt"
