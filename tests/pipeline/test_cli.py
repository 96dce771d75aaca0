import subprocess
import sys

import pytest

from pipeline import cli


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
