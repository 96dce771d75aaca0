import argparse

import pytest

from data_prep import command_line


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser(prog="mnemosyne prepare", exit_on_error=False)
    parser.add_argument("--max_seq_length", type=int)
    parser.add_argument("--do_lower_case", **command_line.boolean(True))
    return parser


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ([], True),
        (["--do_lower_case"], True),
        (["--do_lower_case=false"], False),
        (["--do_lower_case", "False"], False),
        (["--do_lower_case", "1"], True),
    ],
)
def test_booleans_are_given_alone_or_with_true_or_false(parser, arguments, value):
    assert parser.parse_args(arguments).do_lower_case is value


def test_another_word_is_no_boolean(parser):
    with pytest.raises(argparse.ArgumentError, match="expected true or false, received 'maybe'"):
        parser.parse_args(["--do_lower_case=maybe"])


@pytest.mark.parametrize("flag", ["--runner=FlinkRunner", "--direct_num_workers=2"])
def test_flags_of_beam_pass(parser, flag):
    command_line.check_beam_flags(parser, [flag])


def test_a_misspelt_flag_is_refused_with_the_nearest(parser):
    with pytest.raises(ValueError, match="'--max_seq_lenght=9'. Did you mean --max_seq_length?"):
        command_line.check_beam_flags(parser, ["--max_seq_lenght=9"])
