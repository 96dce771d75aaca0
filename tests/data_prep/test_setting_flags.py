import argparse
import dataclasses

import pytest

from data_prep.setting_flags import add_flags, from_flags, setting, to_flags


@dataclasses.dataclass(frozen=True)
class Settings:
    count: int = setting(3, "how many")
    rate: float = setting(0.5, "how fast")
    lower: bool = setting(True, "lower-case")
    follow: bool | None = setting(None, "lower-case (default: as the other file says)")
    bins: str = setting("", "lengths", metavar="LENGTHS")
    kind: str = setting("one", "which", choices=("one", "two"))
    policy: str = setting("keep", "what to do; repeat", repeated=True)
    digest: str = "none"  # no flag


def parse(*arguments, **others):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_flags(parser, Settings)
    return from_flags(Settings, parser.parse_args(arguments), **others)


def test_without_flags_the_settings_are_those_of_the_dataclass():
    assert parse() == Settings()


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["--count", "4"], "count", 4),
        (["--rate=1e-3"], "rate", 0.001),
        (["--lower"], "lower", True),
        (["--lower=false"], "lower", False),
        (["--lower", "False"], "lower", False),
        (["--lower", "1"], "lower", True),
        (["--follow", "no"], "follow", False),
        (["--bins", "8,16"], "bins", "8,16"),
        (["--kind", "two"], "kind", "two"),
        (["--policy", "a", "--policy", "b=c"], "policy", "a,b=c"),
    ],
)
def test_a_flag_is_typed_as_its_field(arguments, field, value):
    received = getattr(parse(*arguments), field)
    assert received == value and type(received) is type(value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lower=maybe"], "expected true or false, received 'maybe'"),
        (["--count", "x"], "invalid int value"),
        (["--kind", "three"], "invalid choice"),
    ],
)
def test_a_value_of_another_type_is_refused(arguments, message):
    with pytest.raises(argparse.ArgumentError, match=message):
        parse(*arguments)


def test_a_field_without_help_is_no_flag_and_is_given_by_the_command():
    assert parse(digest="abc").digest == "abc"
    assert "--digest" not in to_flags(Settings(digest="abc"))


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(count=9, rate=1e-5, lower=False, follow=False, bins="8", kind="two", policy="a,b"),
        Settings(follow=True),
    ],
)
def test_settings_written_as_flags_are_read_back(settings):
    assert parse(*to_flags(settings)) == settings


def test_what_is_decided_elsewhere_is_no_flag():
    assert to_flags(Settings()) == [
        *("--count", "3"),
        *("--rate", "0.5"),
        *("--lower", "true"),
        *("--kind", "one"),
        *("--policy", "keep"),
    ]


def test_help_states_every_default_once():
    parser = argparse.ArgumentParser()
    add_flags(parser, Settings)
    text = " ".join(parser.format_help().split())
    for part in (
        "how many (default 3)",
        "lower-case (default true)",
        "lower-case (default: as the other file says)",
        "--bins LENGTHS lengths",
        "what to do; repeat (default keep)",
    ):
        assert part in text
