import os
import subprocess
import sys

import pytest

from pipeline import cli

LINES = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795977553.960700   25441 port.cc:153] oneDNN custom operations are on.",
    "E0000 00:00:1795977553.960700   25441 cuda.cc:51] failed call",
    "my own line",
)
PROGRAM = f"""
import os
from pipeline.tensorflow_startup import startup_lines_left_out
try:
    with startup_lines_left_out():
        os.write(2, {chr(10).join(LINES).encode()!r} + b"\\n")
        raise ImportError
except ImportError:
    os.write(2, b"after\\n")
"""


def test_help_lists_every_command(capsys):
    assert cli.main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"  {command}" in printed for command in cli.COMMANDS)


def test_help_imports_neither_tensorflow_nor_beam():
    program = (
        "import sys; from pipeline import cli; cli.main(['--help']); "
        "print([m for m in sys.modules if m in ('tensorflow', 'apache_beam', 'numpy')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_of_a_command_imports_neither_tensorflow_nor_beam(command):
    program = (
        "import sys; from pipeline import cli\n"
        f"try: cli.main(['{command}', '--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in sys.modules if m in ('tensorflow', 'apache_beam')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_unknown_command_exits_with_2_and_names_the_known_ones(capsys):
    assert cli.main(["pretrian"]) == 2
    error = capsys.readouterr().err
    assert "'pretrian'" in error and "pretrain" in error.split("Choose")[1]


def test_no_command_exits_with_2():
    assert cli.main([]) == 2


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    assert "example" in capsys.readouterr().out


def test_error_a_user_can_mend_is_one_line_and_exit_code_2(capsys):
    assert cli.main(["recipe", "nothing"]) == 2
    assert capsys.readouterr().err.startswith("mnemosyne recipe: error: No recipe 'nothing'")


def standard_error(program, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


@pytest.mark.parametrize("flags", [["--output", "gs://b/run"], ["--output=gs://b/run"]])
def test_an_output_in_a_bucket_is_refused_where_only_folders_are_written(flags, capsys):
    """It would be a folder named "gs:" on this machine, and lost with it."""
    assert cli.main(["pretrain", "--recipe=bert_tiny_sample", "--data=gs://b/data", *flags]) == 2
    error = capsys.readouterr().err
    assert "--output must be on this machine, received gs://b/run. Mount" in error


def test_other_lines_come_after_the_import_even_if_it_fails():
    assert standard_error(PROGRAM).splitlines() == [*LINES[2:], "after"]


def test_a_command_that_imports_tensorflow_says_nothing_of_its_start():
    program = (
        "import sys; from pipeline import cli\n"
        "code = cli.main(['export', '--checkpoint', 'none', '--format', 'google', "
        "'--output', 'none_out'])\n"
        "assert code == 2 and 'tensorflow' in sys.modules, code"
    )
    error = standard_error(program)
    assert error.startswith("mnemosyne export: error:") and error.count("\n") == 1, error
