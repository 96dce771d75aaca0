#!/usr/bin/env bash
# Runs the numeric tests as other x86-64 CPUs would compute them: other kernels, vector widths and
# numbers of threads order sums differently, and a bound read off one machine fails there.
#
#   tests/on_other_cpus.sh                        every variant, every file that compares floats
#   tests/on_other_cpus.sh tests/models           every variant, the files of these folders
#   VARIANTS="default one_thread" tests/on_other_cpus.sh
#   PYTEST_ARGUMENTS='-m ""' tests/on_other_cpus.sh      slow tests too (default: -m "not slow")
#
# Not part of CI: it takes the time of the fast tests once per variant. Prints one row per variant
# and exits 1 if a test failed in any of them. `./run_tests.sh` makes the environment it needs.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || { echo "error: $PWD/$python is missing. Run ./run_tests.sh first." >&2; exit 2; }

# What each variant sets. NumPy refuses a feature that the CPU lacks or that its build takes for
# granted, so the list comes from NumPy; OpenBLAS, which multiplies for it, is held to AVX2 too.
numpy_avx512() {
  "$python" - <<'PYTHON'
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

# From NumPy 2.4 on, features come in groups: X86_V4 is AVX-512, X86_V3 is AVX2.
print(*(f for f in __cpu_dispatch__ if ("AVX512" in f or f == "X86_V4") and __cpu_features__[f]))
PYTHON
}

settings_of() {
  case "$1" in
    default) ;;
    no_onednn) echo TF_ENABLE_ONEDNN_OPTS=0 ;;
    onednn_avx2) echo ONEDNN_MAX_CPU_ISA=AVX2 ;;
    xla_avx2) echo XLA_FLAGS=--xla_cpu_max_isa=AVX2 ;;
    numpy_avx2) echo "NPY_DISABLE_CPU_FEATURES=$(numpy_avx512 | tr ' ' ,)"; echo OPENBLAS_CORETYPE=Haswell ;;
    one_thread) threads 1; echo XLA_FLAGS=--xla_cpu_multi_thread_eigen=false ;;
    two_threads) threads 2 ;;
    *) echo "error: unknown variant '$1'. Choose among: $all_variants." >&2; exit 2 ;;
  esac
}

threads() {
  local name
  for name in TF_NUM_INTRAOP_THREADS TF_NUM_INTEROP_THREADS OMP_NUM_THREADS OPENBLAS_NUM_THREADS; do
    echo "$name=$1"
  done
}

all_variants="default no_onednn onednn_avx2 xla_avx2 numpy_avx2 one_thread two_threads"
mapfile -t files < <(
  grep -rlE 'allclose|approx\(|array_equal|\.std\(|\.mean\(' --include='test_*.py' "${@:-tests}" | sort
)
[ "${#files[@]}" -gt 0 ] || { echo "error: no file under ${*:-tests} compares floats." >&2; exit 2; }
echo "${#files[@]} files compare floats"

log="$(mktemp)"; trap 'rm -f "$log"' EXIT
rows=(); failed=0
for variant in ${VARIANTS:-$all_variants}; do
  mapfile -t settings < <(settings_of "$variant")
  echo "== $variant ${settings[*]}"
  eval "arguments=(${PYTEST_ARGUMENTS:--m \"not slow\"})"
  env TF_CPP_MIN_LOG_LEVEL=3 "${settings[@]}" \
    "$python" -m pytest -q -n 0 -p no:cacheprovider "${arguments[@]}" "${files[@]}" | tee "$log"
  [ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
  rows+=("$(printf '%-12s %s' "$variant" "$(tail -n 1 "$log")")")
done
echo "== variant, tests"
printf '%s\n' "${rows[@]}"
exit "$failed"
