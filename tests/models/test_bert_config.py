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


def test_a_file_without_the_activation_has_the_tanh_form_and_berts_epsilon(tmp_path):
    sizes = '"vocab_size": 9, "hidden_dim": 4, "num_layers": 1, "num_heads": 2'
    (tmp_path / "bert_config.json").write_text(f'{{{sizes}, "intermediate_dim": 8}}')
    config = BertConfig.load(tmp_path / "bert_config.json")
    assert (config.gelu_form, config.layer_norm_epsilon) == ("tanh", 1e-12)


@pytest.mark.parametrize(
    ("hidden_act", "form"), [("gelu", "erf"), ("gelu_new", "tanh"), ("gelu_pytorch_tanh", "tanh")]
)
def test_names_of_the_activation_are_those_of_hugging_face(hidden_act, form):
    assert BertConfig.named("tiny", vocab_size=9, hidden_act=hidden_act).gelu_form == form


def test_unknown_activation_is_named():
    with pytest.raises(ValueError, match="hidden_act must be one of gelu, .* received relu"):
        BertConfig.named("tiny", vocab_size=9, hidden_act="relu")


def test_unknown_key_in_a_file_is_named(tmp_path):
    (tmp_path / "bert_config.json").write_text('{"vocab_size": 10, "hidden_size": 4}')
    with pytest.raises(ValueError, match="does not know: hidden_size"):
        BertConfig.load(tmp_path / "bert_config.json")


def test_missing_key_in_a_file_is_named(tmp_path):
    (tmp_path / "bert_config.json").write_text('{"vocab_size": 10, "hidden_dim": 4}')
    with pytest.raises(ValueError, match="lacks .*: intermediate_dim, num_heads, num_layers"):
        BertConfig.load(tmp_path / "bert_config.json")
