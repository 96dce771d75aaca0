import json

import pytest
from sentencepiece_model import CONTROL, UNKNOWN, sentencepiece_model

from pipeline.glue.encoding import encode_texts, unknown_fraction
from pipeline.weights.t5.tokenizer import read_t5_tokenizer


@pytest.fixture(name="tokenizer")
def fixture_tokenizer(tmp_path):
    (tmp_path / "spiece.model").write_bytes(sentencepiece_model(["a", "good", "film"]))
    return read_t5_tokenizer(tmp_path)


def test_ids_are_those_of_the_pieces(tokenizer):
    ids, lengths = tokenizer.tokenize(["a good film", "film", ""])
    assert ids.tolist() == [3, 4, 5, 5]
    assert lengths.tolist() == [3, 1, 0]
    assert (tokenizer.pad_id, tokenizer.sep_id, tokenizer.unk_id) == (0, 1, 2)


def test_a_segment_ends_with_the_end_and_nothing_stands_before_it(tokenizer):
    features = encode_texts([["a film"], ["good"]], tokenizer, 7)
    assert features["input_ids"].tolist() == [[3, 5, 1, 4, 1, 0, 0]]
    assert features["input_mask"].tolist() == [[1, 1, 1, 1, 1, 0, 0]]


def test_unknown_words_are_counted_without_the_ends(tokenizer):
    features = encode_texts([["a film a \u0416"]], tokenizer, 8)
    # SentencePiece: the space before an unknown letter is unknown, too, and one with it.
    assert unknown_fraction(features, tokenizer) == 1 / 4


def test_a_vocabulary_serves_models_of_our_own(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nfilm\n")
    assert read_t5_tokenizer(tmp_path).tokenize(["film"])[0].tolist() == [5]


@pytest.mark.parametrize(
    ("record", "ids"), [({"do_lower_case": True}, [6, 6]), ({"do_lower_case": False}, [5, 6])]
)
def test_a_vocabulary_is_cased_as_the_folder_records(tmp_path, record, ids):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nYes\nyes\n")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(record))
    assert read_t5_tokenizer(tmp_path).tokenize(["Yes yes"])[0].tolist() == ids


def test_without_a_record_the_entries_of_a_vocabulary_decide_its_casing(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nYes\nyes\n")
    assert read_t5_tokenizer(tmp_path).tokenize(["Yes yes"])[0].tolist() == [5, 6]


def test_ids_of_a_vocabulary_are_of_the_recorded_kind(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nyes\n")
    (tmp_path / "tokenizer_config.json").write_text('{"ids": "word"}')
    with pytest.raises(ValueError, match="expected ids bert or tf_text, received 'word'"):
        read_t5_tokenizer(tmp_path)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected spiece.model or vocab.txt"):
        read_t5_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no model", "expected a SentencePiece model"),
        (
            sentencepiece_model(["a"], special=(("</s>", CONTROL), ("<unk>", UNKNOWN))),
            "expected the piece <pad>, it is missing",
        ),
        (
            sentencepiece_model(
                ["a"], special=(("</s>", CONTROL), ("<pad>", CONTROL), ("<unk>", UNKNOWN))
            ),
            "expected padding to be entry 0, received 1",
        ),
    ],
)
def test_a_damaged_model_is_refused(tmp_path, content, message):
    (tmp_path / "spiece.model").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_t5_tokenizer(tmp_path)
