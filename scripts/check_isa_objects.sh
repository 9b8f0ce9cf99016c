#!/bin/bash
# check_isa_objects.sh BUILD_DIR: an object of src/backends/cpu/kernels exports its one Kernels table
# and nothing else. A weak symbol in it (a template or an inline function that baseline code shares)
# may win at link time, and then baseline code runs instructions that the machine lacks.
set -euo pipefail

build=${1:?usage: check_isa_objects.sh BUILD_DIR}
[[ -d $build ]] || {
  echo "check_isa_objects.sh: no directory $build" >&2
  exit 1
}

status=0
while IFS= read -r object; do
  # What other objects can see: upper-case types, and the weak (w, v) and unique (u) ones.
  # DW.ref.* is a pointer that exception handling shares; it holds no code.
  visible=$(nm --demangle --defined-only "$object" |
    awk '$2 ~ /^[A-Zuvw]$/ && $3 !~ /^DW\.ref\./ { $1 = ""; print substr($0, 2) }')
  # B, D, R: data.
  tables=$(grep -cE '^[BDR] .*[Kk]ernels' <<<"$visible" || true)
  while IFS= read -r symbol; do
    [[ -z $symbol || $symbol =~ ^[BDR]\ .*[Kk]ernels ]] && continue
    echo "${object#"$build"/}: exports '${symbol#* }' (type ${symbol%% *}); give it internal linkage"
    status=1
  done <<<"$visible"
  if ((tables != 1)); then
    echo "${object#"$build"/}: exports $tables Kernels tables; it must be one"
    status=1
  fi
done < <(find "$build" -path '*backends/cpu/*kernels/*.o' ! -name '*_test.*' | sort)
exit "$status"
