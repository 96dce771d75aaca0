#!/usr/bin/env bash
# Environment, lint, import contracts, tests: what CI runs. Arguments go to pytest:
#   ./run_tests.sh -m "not slow"      the fast tests only
#   ./run_tests.sh -n 0               one after the other, in this process
set -euo pipefail
cd "$(dirname "$0")"
. .ci/environment.sh dev,sample

echo "== lint";             .venv/bin/ruff check .; .venv/bin/ruff format --check .
echo "== import contracts"; .venv/bin/lint-imports --config setup.cfg
echo "== tests";            TF_CPP_MIN_LOG_LEVEL=3 .venv/bin/python -m pytest -n 2 --dist loadfile "$@"
