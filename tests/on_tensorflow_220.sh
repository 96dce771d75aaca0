#!/usr/bin/env bash
# Runs the fast tests of models, optimizers and trainer on TensorFlow 2.20, the newest that is made for
# TPU VMs (package tensorflow-tpu); ./run_tests.sh has the newest of all.
#
#   tests/on_tensorflow_220.sh [PATH]...
#
#   PATH             test files or folders, from the root of the repository (default: tests/mnemosyne_tf
#                    tests/models tests/pipeline/run tests/pipeline/test_train_step.py)
#
# Not part of CI: makes an environment of its own, .venv_tf220, in 2-4 minutes the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h|--help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac

environment="${ENVIRONMENT:-.venv_tf220}"
wanted="$(cksum < setup.cfg)"
if ! grep -qsx -- "$wanted" "$environment/installed"; then
  [ -x "$environment/bin/python" ] || "${PYTHON:-python3}" -m venv "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
    --editable ".[dev]" "tensorflow>=2.20,<2.21"
  echo "$wanted" > "$environment/installed"
fi
"$environment/bin/python" -c 'import tensorflow, tf_keras, tensorflow_text as text
print("tensorflow", tensorflow.__version__, "tf-keras", tf_keras.__version__, "tensorflow-text", text.__version__)'
[ $# -gt 0 ] ||
  set -- tests/mnemosyne_tf tests/models tests/pipeline/run tests/pipeline/test_train_step.py
TF_CPP_MIN_LOG_LEVEL=3 "$environment/bin/python" -m pytest -q -n 0 -m "not slow" "$@"
