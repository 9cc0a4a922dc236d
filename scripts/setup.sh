#!/usr/bin/env bash
# Builds the development environment: setup.sh VENV TORCH_VERSION [pip arguments for torch...]
# Three steps, each safe to repeat: torch without dependencies, the hashed lock, fitwright itself.
set -euo pipefail

venv=$1 torch_version=$2
shift 2
log=$venv/setup.log

usable() { # does this interpreter exist, and is there a torch for it?
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14 python}; do
    if usable "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  echo "error: Fitwright's set-up needs Python 3.11 to 3.14${PYTHON:+; $PYTHON is not one}." \
    "Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2
  exit 2
}

step() { # step "what is done" command...: one line, and the whole output only when it fails
  local title=$1
  shift
  echo "set-up: $title" >&2
  if ! "$@" >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "error: set-up stopped at: $title. The whole log is in $log; the same command tries again." >&2
    exit 3
  fi
}

# An environment without a stamp was interrupted half-way and is made anew; one with the stamp of another
# lock is brought up to date in place.
if ! compgen -G "$venv/.stamp-*" >/dev/null || ! usable "$venv/bin/python"; then
  python=$(find_python)
  if ! "$python" -m venv --clear "$venv" >&2; then
    echo "error: $python cannot make a virtual environment." \
      "On Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 2
  fi
fi
rm -f "$venv"/.stamp-*
: >"$log"
python=$venv/bin/python
pip=("$python" -m pip --disable-pip-version-check --no-input)

# Without its dependencies, because those of the GPU build are gigabytes that a CPU build does not need.
step "torch $torch_version" \
  "${pip[@]}" install --no-deps --only-binary=:all: "$@" "torch==$torch_version"
step "packages of requirements/dev.lock" \
  "${pip[@]}" install --no-deps --require-hashes --only-binary=:all: -r requirements/dev.lock
if ! "$python" -c 'import torch' >>"$log" 2>&1; then
  # pip's sources had only a GPU build for this platform: it does not load without its own libraries.
  step "the GPU libraries of this torch build (large; TORCH_PIP_ARGS can name a CPU-only index instead)" \
    "${pip[@]}" install --only-binary=:all: "$@" "torch==$torch_version"
fi
step "fitwright" "${pip[@]}" install --no-deps --no-build-isolation --editable .
step "a first import" "$python" -c 'import fitwright, numpy, onnxruntime, torch, transformers'
