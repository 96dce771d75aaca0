# Sourced by run_pretrain.sh and run_tests.sh: makes .venv with this project in it.
#   . .ci/environment.sh EXTRAS      EXTRAS such as sample or dev,sample
# Nothing is done when .venv already holds what setup.cfg asks for, these extras or more.

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.11 python3.12 python3.10 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "error: Python 3.10, 3.11 or 3.12 with its venv module is needed, none was found." \
       "Install one (Debian: apt-get install python3-venv) or name it: PYTHON=/path/to/python3." >&2
  return 2
}

wanted="$(cat setup.cfg pyproject.toml | cksum)"
if ! grep -qsx -- "$wanted" .venv/installed-*"$1"*; then
  python_command="$(find_python)" || exit 2
  echo "== environment: .venv from $("$python_command" --version), extras $1 (2-4 minutes the first time)"
  "$python_command" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$1]"
  echo "$wanted" > ".venv/installed-$1"
fi
