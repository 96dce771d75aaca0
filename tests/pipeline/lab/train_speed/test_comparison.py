import pytest

from pipeline.lab.side_by_side.running_program import Turn
from pipeline.lab.train_speed import comparison, table

READY = {"parameters": 1000, "first_loss": 4.6, "start_cpu_seconds": 8.0}


def _turns(*cpu_seconds, steps=1):
    return [Turn(steps, 6.0, steps * each, 2 * steps * each, 900.0) for each in cpu_seconds]


@pytest.fixture
def case():
    turns = {
        # 5 products of 1024: 10.7 GFLOP in 0.1 s.
        "matrix products": _turns(0.1, 0.1, 0.5),
        "mnemosyne": _turns(1.0, 2.0, 4.0, steps=2),
        "peer": _turns(3.0, 5.0, 8.0),
    }
    measured = comparison.figures(
        turns,
        {"mnemosyne": READY, "peer": READY},
        batch_size=32,
        flops_of_a_sequence=1e9,
    )
    facts = {"size": "mini", "dropout": 0.1, "cores": "one core", "batch_size": 32, "seq_len": 128}
    return facts | measured


def test_rate_is_of_the_median_step(case):
    ours = case["programs"]["mnemosyne"]
    assert (ours["cpu_seconds"], ours["sequences_per_cpu_second"]) == (2.0, 16.0)
    assert ours["wall_seconds"] == 4.0
    assert len(ours["turns"]) == 3


def test_ratio_is_the_median_of_ratios_of_the_same_round(case):
    # 3 / 1, 5 / 2, 8 / 4; the ratio of the medians is 2.5, too, of the means 2.3.
    assert case["programs"]["peer"]["times_ours"] == 2.5
    assert case["programs"]["mnemosyne"]["times_ours"] == 1.0


def test_peak_is_the_measured_product(case):
    assert case["matmul_flops_per_second"] == pytest.approx(5 * 2 * 1024**3 / 0.1)
    fraction = case["programs"]["mnemosyne"]["fraction_of_peak"]
    assert fraction == pytest.approx(16 * 1e9 / (5 * 2 * 1024**3 / 0.1))


def test_table_has_a_row_for_each_program(case):
    lines = table.table(case).splitlines()
    assert lines[0].startswith("BERT-mini, 32 x 128 tokens, dropout 0.1, one core; matrix")
    assert lines[3].split() == ["peer", "6.40", "5.000", "2.50", "10.000", "6%", "900", "8.0"]
