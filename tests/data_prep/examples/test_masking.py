import numpy as np
import pytest
from numeric_bounds import chance

from data_prep.examples.masking import mask_block
from data_prep.examples.rng import RandomStream
from data_prep.masking_rules import MaskingRules

MASK, VOCAB = 4, 1_000
SEQ_LEN = 24


def rules(**changes):
    settings = {
        "masked_lm_prob": 0.15,
        "max_predictions_per_seq": 5,
        "do_whole_word_mask": False,
        "cls_id": 2,
        "sep_id": 3,
        "mask_id": MASK,
        "vocab_size": VOCAB,
    }
    return MaskingRules(**{**settings, **changes})


def sequences(rows, seed=0):
    """Sequences of 6 to 24 tokens, [CLS] first, [SEP] in the middle and last, words of 1 to 4."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(6, SEQ_LEN + 1, rows)
    column = np.arange(SEQ_LEN)
    middle = rng.integers(2, lengths - 2)[:, None]
    special = (column == 0) | (column == middle) | (column == lengths[:, None] - 1)
    maskable = (column < lengths[:, None]) & ~special
    begins = rng.random((rows, SEQ_LEN)) < 0.5
    begins[:, 1:] |= special[:, :-1]
    ids = rng.integers(5, VOCAB, (rows, SEQ_LEN)).astype(np.uint16)
    return {"ids": ids, "lengths": lengths, "is_maskable": maskable, "begins_word": begins}


def mask(block, the_rules, seed=1):
    arguments = {name: values for name, values in block.items() if name != "ids"}
    return mask_block(block["ids"], **arguments, rules=the_rules, rng=RandomStream(seed))


def predictions(masked, row):
    count = masked.num_predictions[row]
    return masked.masked_lm_positions[row, :count].tolist()


both_ways = pytest.mark.parametrize("do_whole_word_mask", [False, True])


@both_ways
@pytest.mark.parametrize("seed", range(3))
def test_positions_are_sorted_unique_and_never_special(do_whole_word_mask, seed):
    block = sequences(500, seed)
    masked = mask(block, rules(do_whole_word_mask=do_whole_word_mask), seed)
    for row in range(500):
        positions = predictions(masked, row)
        assert positions == sorted(set(positions))
        assert block["is_maskable"][row, positions].all()


@both_ways
def test_the_input_is_rebuilt_from_output_and_labels(do_whole_word_mask):
    block = sequences(500)
    masked = mask(block, rules(do_whole_word_mask=do_whole_word_mask))
    rebuilt = masked.input_ids.copy()
    for row in range(500):
        positions = predictions(masked, row)
        rebuilt[row, positions] = masked.masked_lm_ids[row, : len(positions)]
    assert (rebuilt == block["ids"]).all()


@pytest.mark.parametrize(
    ("length", "prob", "expected"),
    [(6, 0.15, 1), (10, 0.15, 2), (17, 0.15, 3), (24, 0.15, 4), (24, 1.0, 5), (20, 0.0, 1)],
)
def test_the_number_of_predictions_is_the_rounded_share(length, prob, expected):
    # 1.5 rounds to 2 and 2.5 would to 2: to even, as Python 3 rounds.
    column = np.arange(SEQ_LEN)
    maskable = ((column > 0) & (column < length - 1))[None]
    block = {
        "ids": np.full((1, SEQ_LEN), 9, np.uint16),
        "lengths": np.array([length]),
        "is_maskable": maskable,
        "begins_word": maskable,
    }
    masked = mask(block, rules(masked_lm_prob=prob))
    assert masked.num_predictions.tolist() == [expected]


def test_padding_predictions_are_zero():
    masked = mask(sequences(200), rules())
    padding = np.arange(5) >= masked.num_predictions[:, None]
    assert not masked.masked_lm_positions[padding].any()
    assert not masked.masked_lm_ids[padding].any()


@both_ways
def test_replacements_are_80_10_10(do_whole_word_mask):
    block = sequences(20_000)
    masked = mask(block, rules(do_whole_word_mask=do_whole_word_mask))
    rows, columns = np.nonzero(np.arange(5) < masked.num_predictions[:, None])
    positions = masked.masked_lm_positions[rows, columns]
    after, before = masked.input_ids[rows, positions], block["ids"][rows, positions]
    count = len(rows)
    assert count > 40_000
    # A random entry of 1,000 is the original or [MASK] itself once in 1,000.
    assert abs((after == MASK).mean() - 0.8) < chance(count, 0.8, comparisons=2) + 0.1 / VOCAB
    assert abs((after == before).mean() - 0.1) < chance(count, 0.1, comparisons=2) + 0.1 / VOCAB


def test_random_replacements_come_from_the_whole_vocabulary():
    block = sequences(20_000)
    masked = mask(block, rules(vocab_size=10))
    changed = (masked.input_ids != block["ids"]) & (masked.input_ids != MASK)
    counts = np.bincount(masked.input_ids[changed], minlength=10)
    # All alike, but for 4, [MASK] itself, and for those that the text has less of: it has none of
    # 0 to 4, and only what differs from the original counts.
    assert len(counts) == 10
    predictions_made = int(masked.num_predictions.sum())
    for entry in (0, 1, 2, 3, 5, 6, 7, 8, 9):
        probability = 0.1 / 10
        margin = chance(predictions_made, probability, comparisons=9)
        assert abs(counts[entry] / predictions_made - probability) < margin


def test_every_place_is_chosen_alike():
    column = np.arange(SEQ_LEN)
    maskable = np.broadcast_to((column > 0) & (column < SEQ_LEN - 1), (20_000, SEQ_LEN))
    block = {
        "ids": np.full((20_000, SEQ_LEN), 9, np.uint16),
        "lengths": np.full(20_000, SEQ_LEN),
        "is_maskable": maskable,
        "begins_word": maskable,
    }
    masked = mask(block, rules())
    counts = np.bincount(masked.masked_lm_positions[:, :4].ravel(), minlength=SEQ_LEN)[1:-1]
    # Four of 22 positions in each of 20,000 rows, without repetition.
    margin = chance(20_000, 4 / 22, comparisons=22)
    assert np.abs(counts / 20_000 - 4 / 22).max() < margin


def words_of(block, row):
    """The words of a row as lists of places."""
    words = []
    for place in np.flatnonzero(block["is_maskable"][row]):
        if block["begins_word"][row, place]:
            words.append([place])
        else:
            words[-1].append(place)
    return words


def test_whole_words_are_predicted_in_all_their_pieces_or_not_at_all():
    block = sequences(500)
    masked = mask(block, rules(do_whole_word_mask=True))
    for row in range(500):
        positions = set(predictions(masked, row))
        for word in words_of(block, row):
            assert len(positions & set(word)) in (0, len(word))


def test_whole_words_fill_the_room_as_the_original_does():
    block = sequences(500)
    masked = mask(block, rules(do_whole_word_mask=True))
    wanted = np.clip(np.rint(block["lengths"] * 0.15), 1, 5)
    for row in range(500):
        positions = predictions(masked, row)
        left = wanted[row] - len(positions)
        assert left >= 0
        # What was passed over was longer than the room that is left.
        unused = [word for word in words_of(block, row) if word[0] not in positions]
        assert all(len(word) > left for word in unused)


def test_the_input_is_left_as_it_was():
    block = sequences(50)
    before = block["ids"].copy()
    mask(block, rules())
    assert (block["ids"] == before).all()
