import pytest

from models import BertConfig
from pipeline.run.watching.model_flops import training_flops


def flops(config, **sizes):
    return training_flops(config, **{"batch": 1, "seq_len": 128, "num_predictions": 20, **sizes})


def test_a_model_small_enough_to_count_by_hand():
    # Width 2, feed-forward 3, 1 layer, 5 words; 2 rows of 4 tokens, 1 prediction.
    config = BertConfig(vocab_size=5, hidden_dim=2, num_layers=1, num_heads=1, intermediate_dim=3)
    projections = 4 * (4 * 2 * 2)  # tokens, q k v and output
    feed_forward = 4 * (2 * 2 * 3)
    attention = 2 * (4 * 4 * 2)  # scores and sums of values
    head = 2 * 2 + 2 * 5
    pooled = 2 * 2 + 2 * 2
    row = projections + feed_forward + attention + head + pooled
    assert flops(config, batch=2, seq_len=4, num_predictions=1) == 6 * 2 * row


@pytest.mark.parametrize(("size", "gigaflop"), [("mini", 3.563), ("base", 69.93)])
def test_published_sizes(size, gigaflop):
    config = BertConfig.named(size, vocab_size=30_522)
    assert flops(config) / 1e9 == pytest.approx(gigaflop, rel=5e-4)  # four digits


def test_the_masked_lm_head_counts_at_the_predictions_alone():
    config = BertConfig.named("tiny", vocab_size=1_000)
    one = flops(config, num_predictions=2) - flops(config, num_predictions=1)
    assert one == 6 * (128 * 128 + 128 * 1_000)
