#!/bin/bash
# check_tidy.sh [--all] [BUILD_DIR]: clang-tidy over the .cpp files that differ from the main
# branch, or over all. BUILD_DIR (build/release) must be configured and built: clang-tidy reads its
# compile_commands.json and the generated headers.
set -euo pipefail
cd "$(dirname "$0")/.."

all=false
if [[ ${1:-} == --all ]]; then
  all=true
  shift
fi
build=${1:-build/release}

tool=$(command -v clang-tidy-14 || command -v clang-tidy) || {
  echo "check_tidy.sh: no clang-tidy; scripts/install_deps check installs it" >&2
  exit 1
}
[[ -f $build/compile_commands.json ]] || {
  echo "check_tidy.sh: $build is not configured; run 'make build' first" >&2
  exit 1
}

changed_files() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse HEAD)
  git diff --name-only "$base" -- '*.cpp'
  git ls-files --others --exclude-standard -- '*.cpp'
}

if $all; then
  files=$(scripts/source_files cpp)
else
  files=$(changed_files | sort -u)
fi
# Only what the build compiles: clang-tidy guesses the flags of other files, and guesses badly.
compiled=$(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" |
  sed "s|^$PWD/||" | sort -u)
files=$(comm -12 <(sort -u <<<"$files") <(echo "$compiled"))
if [[ -z $files ]]; then
  echo "check_tidy.sh: no file to check"
  exit 0
fi

echo "$files" | xargs -P "$(nproc)" -n 1 "$tool" -p "$build" --quiet \
  --extra-arg=-Wno-unknown-warning-option 2> >(grep -vE '^[0-9]+ warnings? (generated|treated)' >&2)
