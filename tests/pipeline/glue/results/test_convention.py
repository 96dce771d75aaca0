"""The words that an average is printed with."""

import pytest

from pipeline.glue.results import convention


def rows(**scores):
    return [
        {"task": task.replace("_", "-"), "score": s, "seeds": [0]} for task, s in scores.items()
    ]


def test_an_average_says_of_what():
    assert (
        convention.average_text(["CoLA", "RTE"], kind="glue")
        == "The average is over 2 of the 9 tasks of GLUE: CoLA, RTE."
    )
    assert (
        convention.average_text(["RTE"], kind="sample")
        == "The average is over 1 sample tasks: RTE."
    )
    assert (
        convention.average_text(["mail"], kind="own") == "The score is that of your own task: mail."
    )


def test_the_convention_names_what_was_averaged_first():
    lines = convention.convention_lines(rows(MRPC=0.8, STS_B=0.9, MNLI=0.7), kind="glue")
    assert lines[1] == (
        "Convention: the unweighted mean of the tasks' scores on the dev sets, not on test; the "
        "two metrics of MRPC and STS-B averaged first; MNLI's matched and mismatched accuracy "
        "averaged first; WNLI not in it; AX never in it."
    )


def test_with_wnli_both_averages_are_given():
    lines = convention.convention_lines(rows(CoLA=0.5, RTE=0.6, WNLI=0.1), kind="glue")
    assert "WNLI in it" in lines[1]
    assert lines[2] == "Without WNLI: 55.0 over CoLA and RTE."


def test_the_average_is_unweighted():
    assert convention.average_of(rows(CoLA=0.5, RTE=0.6, WNLI=0.1)) == pytest.approx(0.4)


def test_the_choice_of_the_epoch_is_said_to_be_optimistic_where_it_is():
    assert "optimistic" in convention.choice_line("best")
    assert "nothing was chosen on dev" in convention.choice_line("last")


def test_one_seed_needs_no_line():
    assert convention.seeds_line(rows(CoLA=0.5)) == ""
    several = [{"task": "RTE", "score": 0.5, "seeds": [0, 1, 2]}]
    assert "mean over up to 3 seeds" in convention.seeds_line(several)
