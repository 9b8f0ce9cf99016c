#!/bin/bash
# Tests check_isa_objects.sh on small compiled examples.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

kernels='struct Kernels { float (*max)(float, float); };
extern const Kernels kAvx2Kernels;'

expect() {  # name, expected status, expected text, source
  local build=$work/$1 objects=$work/$1/src/backends/cpu/CMakeFiles/cpu.dir/kernels output status=0
  mkdir -p "$objects"
  "${CXX:-c++}" -std=c++20 -c -x c++ -o "$objects/avx2.cpp.o" - <<<"$kernels $4"
  output=$("$scripts/check_isa_objects.sh" "$build") || status=$?
  if [[ $status != "$2" || $output != *"$3"* ]]; then
    echo "check_isa_objects_test.sh: $1: status $status (expected $2), output: $output" >&2
    exit 1
  fi
}

expect clean 0 '' 'namespace { template <class T> T max(T a, T b) { return a < b ? b : a; } }
const Kernels kAvx2Kernels{max<float>};'
expect leaking_template 1 "exports 'float max<float>(float, float)' (type W)" \
  'template <class T> T max(T a, T b) { return a < b ? b : a; }
const Kernels kAvx2Kernels{max<float>};'
expect leaking_function 1 "exports 'max(float, float)' (type T)" \
  'float max(float a, float b) { return a < b ? b : a; }
const Kernels kAvx2Kernels{max};'
expect no_table 1 'exports 0 Kernels tables' 'int dummy_user(); namespace { int x = dummy_user(); }'

mkdir "$work/empty"
"$scripts/check_isa_objects.sh" "$work/empty"
