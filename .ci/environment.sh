# Sourced by run_pretrain.sh and run_tests.sh: makes .venv with this project in it.
#   . .ci/environment.sh EXTRAS      EXTRAS such as sample or dev,sample
# Nothing is done when .venv already holds what setup.cfg asks for, these extras or more.
# PYTHON=/path/to/python3 names the interpreter; on a machine with an NVIDIA driver TensorFlow's
# CUDA libraries are installed too.

suits() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

find_python() {
  local candidate
  if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3.11 python3.12 python3.10 python3; fi
  for candidate in "$@"; do
    if suits "$candidate"; then echo "$candidate"; return; fi
  done
  echo "error: Python 3.10, 3.11 or 3.12 with its venv module is needed, ${PYTHON:-none found} does not" \
       "fit. Install one (Debian: apt-get install python3-venv) or name it: PYTHON=/path/to/python3." >&2
  return 2
}

extras="$1"
if command -v nvidia-smi >/dev/null 2>&1; then extras="$extras,gpu"; fi
wanted="$(cat setup.cfg pyproject.toml | cksum)"
if ! grep -qsx -- "$wanted" .venv/installed-*"$extras"* || ! .venv/bin/mnemosyne --help >/dev/null 2>&1; then
  python_command="$(find_python)" || exit 2
  echo "== environment: .venv from $("$python_command" --version), extras $extras (2-4 minutes the first time)"
  # An environment that still works gets the new extras; a broken one is made again.
  .venv/bin/mnemosyne --help >/dev/null 2>&1 || "$python_command" -m venv --clear .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"
  echo "$wanted" > ".venv/installed-$extras"
fi
