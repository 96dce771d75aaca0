"""Chinese with and without blanks between its words: what the command masks whole."""

import random

import pytest


@pytest.fixture
def chinese(tmp_path):
    """A vocabulary of ideographs, and 30 documents of words of two to three of them."""
    rng = random.Random(3)
    characters = [chr(0x4E00 + i) for i in range(60)]
    (tmp_path / "han.txt").write_text(
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + "\n".join(characters)
    )
    words = ["".join(characters[i : i + n]) for i in range(0, 60, 3) for n in (2, 3)]
    documents = [[rng.choices(words, k=12) for _ in range(6)] for _ in range(30)]
    return tmp_path / "han.txt", documents


def han_records(prepare, tmp_path, read_records, chinese, joint, **flags):
    vocab, documents = chinese
    text = "\n\n".join("\n".join(joint.join(line) for line in lines) for lines in documents)
    (tmp_path / "han_corpus.txt").write_text(text)
    settings = {"do_whole_word_mask": "true", "num_shards": 1, "max_seq_length": 64, **flags}
    folder = prepare(tmp_path / "han_corpus.txt", vocab_file=vocab, **settings)
    return [record for shard in folder.glob("train*.tfrecord") for record in read_records(shard)]


def test_words_of_segmented_text_are_masked_whole(prepare, tmp_path, read_records, chinese, capsys):
    records = han_records(prepare, tmp_path, read_records, chinese, " ")
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(0x4E00 + i) for i in range(60))]
    masked = 0
    for record in records:
        original, predicted = list(record["input_ids"]), set()
        for place, token, weight in zip(
            record["masked_lm_positions"],
            record["masked_lm_ids"],
            record["masked_lm_weights"],
            strict=True,
        ):
            if weight:
                original[place] = token
                predicted.add(place)
        assert max(original) < len(vocab)
        # Word n is characters 3n, 3n + 1 and perhaps 3n + 2: a new one begins at 3n.
        begins = [
            place
            for place, token in enumerate(original)
            if token < 5 or (token - 5) % 3 == 0 or original[place - 1] < 5
        ]
        for begin, end in zip(begins, [*begins[1:], len(original)], strict=True):
            inside = {place in predicted for place in range(begin, end)}
            assert len(inside) == 1
            masked += inside == {True}
    assert masked > 100
    assert "warning" not in capsys.readouterr().err


def test_unsegmented_text_is_masked_by_ideographs_with_a_warning(
    prepare, tmp_path, read_records, chinese, capsys
):
    assert han_records(prepare, tmp_path, read_records, chinese, "")
    warned = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(warned) == 1
    assert "ideographs are masked one by one" in warned[0]
    assert "Segment the text by blanks" in warned[0]


def test_dynamic_records_say_where_words_of_segmented_text_begin(
    prepare, tmp_path, read_records, chinese
):
    records = han_records(
        prepare, tmp_path, read_records, chinese, " ", masking="dynamic", do_whole_word_mask="false"
    )
    for record in records:
        ids = record["input_ids"]
        assert record["word_starts"] == [
            int(id >= 5 and ((id - 5) % 3 == 0 or ids[place - 1] < 5))
            for place, id in enumerate(ids)
        ]
