"""TensorFlow's start-up lines do not reach the user; every other line does."""

import os
import subprocess
import sys

_LINES = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795977553.960700   25441 port.cc:153] oneDNN custom operations are on.",
    "E0000 00:00:1795977553.960700   25441 cuda.cc:51] failed call",
    "my own line",
)
_PROGRAM = f"""
import os
from pipeline.tensorflow_startup import startup_lines_left_out
try:
    with startup_lines_left_out():
        os.write(2, {chr(10).join(_LINES).encode()!r} + b"\\n")
        raise ImportError
except ImportError:
    os.write(2, b"after\\n")
"""


def _standard_error(program, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_other_lines_come_after_the_import_even_if_it_fails():
    assert _standard_error(_PROGRAM).splitlines() == [*_LINES[2:], "after"]


def test_a_command_that_imports_tensorflow_says_nothing_of_its_start():
    program = (
        "import sys; from pipeline import cli\n"
        "code = cli.main(['export', '--checkpoint', 'none', '--format', 'google', "
        "'--output', 'none_out'])\n"
        "assert code == 2 and 'tensorflow' in sys.modules, code"
    )
    error = _standard_error(program)
    assert error.startswith("mnemosyne export: error:") and error.count("\n") == 1, error
