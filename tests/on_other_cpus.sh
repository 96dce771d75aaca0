#!/usr/bin/env bash
# Runs the numeric tests as other x86-64 CPUs would compute them: other kernels, vector widths and
# numbers of threads order sums differently, and a bound read off one machine fails there.
#
#   tests/on_other_cpus.sh [--variant NAME]... [--slow] [PATH]...
#
#   --variant NAME   one of: default no_onednn onednn_avx2 xla_avx2 numpy_avx2 one_thread two_threads;
#                    may be given again (default: all of them)
#   --slow           slow tests too
#   PATH             test files or folders, from the root of the repository (default: tests); of these
#                    the files that compare floats or bits are run
#
# Not part of CI: every variant takes the time of the fast numeric tests. Prints one row per variant;
# exits 1 if a test failed in any of them. Needs the .venv that ./run_tests.sh makes.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python

fail() { echo "error: $1" >&2; exit 2; }

# NumPy refuses a feature that the CPU lacks or that its build takes for granted, so the list comes
# from NumPy. From 2.4 on it names groups: X86_V4 is AVX-512, X86_V3 is AVX2.
numpy_avx512() {
  "$python" - <<'PYTHON'
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

listed = (f for f in __cpu_dispatch__ if "AVX512" in f or f == "X86_V4")
print(",".join(f for f in listed if __cpu_features__[f]))
PYTHON
}

threads() { printf '%s='"$1"'\n' {TF_NUM_INTRAOP,TF_NUM_INTEROP,OMP_NUM,OPENBLAS_NUM}_THREADS; }

settings_of() {
  case "$1" in
    default) ;;
    no_onednn) echo TF_ENABLE_ONEDNN_OPTS=0 ;;
    onednn_avx2) echo ONEDNN_MAX_CPU_ISA=AVX2 ;;
    xla_avx2) echo XLA_FLAGS=--xla_cpu_max_isa=AVX2 ;;
    # OpenBLAS multiplies for NumPy and has a switch of its own.
    numpy_avx2) echo "NPY_DISABLE_CPU_FEATURES=$(numpy_avx512)"; echo OPENBLAS_CORETYPE=Haswell ;;
    one_thread) threads 1; echo XLA_FLAGS=--xla_cpu_multi_thread_eigen=false ;;
    two_threads) threads 2 ;;
    *) return 1 ;;
  esac
}

variants=(); paths=(); marks=(-m "not slow")
while [ "$#" -gt 0 ]; do
  case "$1" in
    -h|--help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    --variant) variants+=("${2:-}"); shift "$(($# > 1 ? 2 : 1))" ;;
    --slow) marks=(); shift ;;
    -*) fail "unknown option '$1'. See $0 --help." ;;
    *) [ -e "$1" ] || fail "$1: no such file or folder."; paths+=("$1"); shift ;;
  esac
done
[ "${#variants[@]}" -gt 0 ] ||
  variants=(default no_onednn onednn_avx2 xla_avx2 numpy_avx2 one_thread two_threads)
[ -x "$python" ] || fail "$PWD/$python is missing. Run ./run_tests.sh first."
for variant in "${variants[@]}"; do
  settings_of "$variant" >/dev/null || fail "--variant: unknown name '$variant'. See $0 --help."
done

mapfile -t files < <(
  [ "${#paths[@]}" -gt 0 ] || paths=(tests)
  grep -rlE 'allclose|approx\(|array_equal|\.std\(|\.mean\(' --include='test_*.py' "${paths[@]}" | sort
)
[ "${#files[@]}" -gt 0 ] || fail "none of the files under ${paths[*]:-tests} compares floats."

log="$(mktemp)"; trap 'rm -f "$log"' EXIT
rows=(); failed=0
for variant in "${variants[@]}"; do
  mapfile -t settings < <(settings_of "$variant")
  echo "== $variant: ${#files[@]} files; ${settings[*]:-nothing set}"
  env TF_CPP_MIN_LOG_LEVEL=3 "${settings[@]}" \
    "$python" -m pytest -q -n 0 "${marks[@]}" "${files[@]}" | tee "$log"
  [ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
  rows+=("$(printf '%-12s %s' "$variant" "$(tail -n 1 "$log")")")
done
echo "== variant, tests"
printf '%s\n' "${rows[@]}"
exit "$failed"
