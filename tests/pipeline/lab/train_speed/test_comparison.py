import json

import pytest

from models import BertConfig
from pipeline.lab.train_speed import comparison, table
from pipeline.lab.train_speed.running_program import Turn

CONFIG = BertConfig(
    vocab_size=50, hidden_dim=8, num_layers=1, num_heads=2, intermediate_dim=16
)  # a dense layer of this width has 8 x 9 = 72 weights


def _turns(*cpu_seconds, steps=1):
    return [Turn(steps, 6.0, steps * each, 2 * steps * each, 900.0) for each in cpu_seconds]


def _ready(parameters=1000, first_loss=4.6):
    return {"parameters": parameters, "first_loss": first_loss, "start_cpu_seconds": 8.0}


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
        {"mnemosyne": _ready(), "peer": _ready()},
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


def test_last_line_gives_the_ratios(case):
    line = table.last_line([case])
    assert line.endswith("BERT-mini, dropout 0.1, one core: 2.50x peer")


def test_json_says_what_was_measured_with_what(case, tmp_path):
    path = tmp_path / "train.json"
    table.save(str(path), [case], {"rounds": 3})
    saved = json.loads(path.read_text())
    assert saved["cases"] == [case] and saved["settings"] == {"rounds": 3}
    assert saved["processor"] and {"python", "tensorflow"} <= set(saved["versions"])


def test_a_model_may_lack_a_pooler():
    comparison.check_same_training({"mnemosyne": _ready(), "peer": _ready(1000 - 72)}, CONFIG)


@pytest.mark.parametrize("parameters", [1000 - 73, 1000 + 73])
def test_another_model_is_refused(parameters):
    ready = {"mnemosyne": _ready(), "peer": _ready(parameters)}
    with pytest.raises(ValueError, match=r"peer has .* weights, expected our 1,000"):
        comparison.check_same_training(ready, CONFIG)


@pytest.mark.parametrize("first_loss", [4.0, 5.2, float("nan")])
def test_another_loss_is_refused(first_loss):
    ready = {"mnemosyne": _ready(), "peer": _ready(first_loss=first_loss)}
    with pytest.raises(ValueError, match=r"peer begins with a loss of .* near our 4.600"):
        comparison.check_same_training(ready, CONFIG)
