#!/bin/bash
# check_format.sh [--fix]: every C++ and CUDA file is as .clang-format wants it; --fix makes it so.
set -euo pipefail
cd "$(dirname "$0")/.."

# The layout that clang-format gives differs between its versions: 14 is the one that counts.
tool=$(command -v clang-format-14 || command -v clang-format) || {
  echo "check_format.sh: no clang-format; scripts/install_deps check installs it" >&2
  exit 1
}
mapfile -t files < <(scripts/source_files h cpp cu cuh)
((${#files[@]})) || exit 0

if [[ ${1:-} == --fix ]]; then
  "$tool" -i "${files[@]}"
elif ! "$tool" --dry-run -Werror "${files[@]}"; then
  echo "check_format.sh: 'make format' puts this right ($("$tool" --version))" >&2
  exit 1
fi
