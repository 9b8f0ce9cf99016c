#!/bin/bash
# check_scripts.sh: shellcheck over every shell script.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v shellcheck >/dev/null || {
  echo "check_scripts.sh: no shellcheck; scripts/install_deps check installs it" >&2
  exit 1
}
mapfile -t files < <(grep -lE '^#!(/usr)?/bin/(env )?(ba)?sh' .ci/run scripts/* tests/* 2>/dev/null)
shellcheck -- "${files[@]}"
