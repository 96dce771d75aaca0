from models import BertConfig
from pipeline.lab.train_speed import useful_flops


def test_flops_are_those_of_every_product_one_by_one():
    tokens, predictions, hidden, heads, wide, vocab = 128, 20, 256, 4, 1024, 30_522
    products = []  # (rows, inner, columns)
    for _ in range(4):
        products += [(tokens, hidden, hidden)] * 4
        products += [(tokens, hidden // heads, tokens), (tokens, tokens, hidden // heads)] * heads
        products += [(tokens, hidden, wide), (tokens, wide, hidden)]
    products += [(predictions, hidden, hidden), (predictions, hidden, vocab)]
    # A product and a sum each; the backward pass has two products for each of the forward pass.
    expected = 3 * sum(2 * rows * inner * columns for rows, inner, columns in products)
    config = BertConfig.named("mini", vocab_size=vocab)
    assert useful_flops.of_a_sequence(config, seq_len=128, predictions=20) == expected
