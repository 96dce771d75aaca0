import pytest

from models import BertConfig


def test_named_sizes_are_the_published_ones():
    base = BertConfig.named("base", vocab_size=30522)
    assert (base.num_layers, base.hidden_dim, base.num_heads, base.intermediate_dim) == (
        12,
        768,
        12,
        3072,
    )
    tiny = BertConfig.named("tiny", vocab_size=100, dropout=0.0)
    assert (tiny.num_layers, tiny.hidden_dim, tiny.dropout) == (2, 128, 0.0)


def test_unknown_size_lists_the_known_ones():
    with pytest.raises(ValueError, match="'huge'.*tiny, mini, small, medium, base, large"):
        BertConfig.named("huge", vocab_size=100)


def test_width_must_divide_among_the_heads():
    with pytest.raises(ValueError, match="hidden_dim=10 and num_heads=4"):
        BertConfig(vocab_size=10, hidden_dim=10, num_layers=1, num_heads=4, intermediate_dim=8)


@pytest.mark.parametrize(("key", "value"), [("dropout", 1.0), ("vocab_size", 0)])
def test_value_out_of_range_is_named(key, value):
    with pytest.raises(ValueError, match=f"{key} must .* received {value}"):
        BertConfig.named("tiny", **{"vocab_size": 10, key: value})


def test_file_round_trip(tmp_path, bert_config):
    bert_config.save(tmp_path / "bert_config.json")
    assert BertConfig.load(tmp_path / "bert_config.json") == bert_config


def test_unknown_key_in_a_file_is_named(tmp_path):
    (tmp_path / "bert_config.json").write_text('{"vocab_size": 10, "hidden_size": 4}')
    with pytest.raises(ValueError, match="does not know: hidden_size"):
        BertConfig.load(tmp_path / "bert_config.json")


def test_missing_key_in_a_file_is_named(tmp_path):
    (tmp_path / "bert_config.json").write_text('{"vocab_size": 10, "hidden_dim": 4}')
    with pytest.raises(ValueError, match="lacks .*: intermediate_dim, num_heads, num_layers"):
        BertConfig.load(tmp_path / "bert_config.json")
