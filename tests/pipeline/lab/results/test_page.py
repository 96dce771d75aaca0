import dataclasses

from pipeline.lab.results import page
from pipeline.lab.results.outcomes import outcomes_of


def rows(text):
    return [" ".join(line.split()) for line in text.splitlines() if line.startswith("| `")]


def test_a_table_has_the_best_rate_of_each_optimizer(runs):
    text = page.page(outcomes_of(runs), command="write it")
    assert "    write it\n" in text and "of 2026-11-28 by" in text
    assert "`bert_l2_h64`, 900 steps of 64: a text; unigram loss 6.300" in text
    # Half of the way from 5.75 at half of the run to 5.25: AdamW's 5.75 is reached at the first.
    assert rows(text) == [
        "| `mnemosyne` | none to set | 2 | 5.250 +- 0.071 | 20.00 +- 0.00 | 0.50 | 0.50 |",
        "| `without_decay_delay` | none to set | 2 | 5.400 +- 0.141 | 20.00 +- 0.00 | 0.65 | 0.65 |",  # noqa: E501
        "| `adamw` | 0.004 | 2 | 5.750 +- 0.071 | 20.00 +- 0.00 | 1.00 | 1.00 |",
    ]


def test_a_table_has_the_days_of_all_of_its_runs(finished):
    """A run of older settings is on no page, nor is its day."""
    days = {"2026-11-28": 0, "2026-11-30": 1}
    of_days = [
        dataclasses.replace(finished("bert_l2_h64", "mnemosyne", 1.0, seed, 5.2), date=date)
        for date, seed in days.items()
    ]
    old = finished("bert_l2_h64", "mnemosyne", 1.0, 2, 4.0, settings="older")
    old = dataclasses.replace(old, date="2026-11-01")
    text = page.page(outcomes_of([old, *of_days]), command="")
    assert "unigram loss 6.300; runs of 2026-11-28 to 2026-11-30\n" in text
    assert "2026-11-01" not in text


def test_only_what_has_a_row_is_explained(runs, finished):
    text = page.page(outcomes_of(runs), command="")
    assert "`mnemosyne`: the released" in text and "`without_*`: less one" in text
    assert "`mnemosyne()`" not in text and "`nominal`" not in text
    other = [finished("bert_l2_h64", "nominal", rate, 0, 5.5) for rate in (0.5, 1.0)]
    assert "`nominal`: the untrained" in page.page(outcomes_of([*runs, *other]), command="")


def test_the_learned_number_is_judged_seed_by_seed(runs):
    """Differences -0.1 and -0.2: their mean, and 0.05 * sqrt(2) / sqrt(2)."""
    text = page.page(outcomes_of(runs), command="")
    assert "by\n-0.150 +- 0.050 nats (standard error) over 2 paired seeds; lower on 2" in text


def test_transfer_and_long_runs_have_tables_of_their_own(finished):
    found = outcomes_of(
        [
            finished("transfer_base", "nominal", 0.5, 0, 5.61),
            finished("transfer_base", "nominal", 2.0, 0, 5.63),
            finished("transfer_base", "mnemosyne", 1.0, 0, 5.6),
            finished("horizon", "mnemosyne", 1.0, 0, 3.0),
        ]
    )
    assert rows(page.page(found, command="")) == [
        "| `transfer_base` | 5.600 | 1 | 5.600 | +0.000 | within 0.03 |",
        "| `mnemosyne` | 1 | 3.000 | 3.000 |",
    ]
