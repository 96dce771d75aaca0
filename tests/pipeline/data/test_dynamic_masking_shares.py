"""What dynamic masks choose and put there, in shares: by chi-square those of masked records."""

import dataclasses

import numpy as np
import pytest
from scipy import stats
from unmasked_records import CLS, MASK, PIECES, RULES, SEP, masked, unmasked

from data_prep.examples import masking
from data_prep.examples.rng import RandomStream, seed_of


@pytest.mark.parametrize("rules", [RULES, PIECES], ids=["words", "pieces"])
def test_shares_are_those_of_masked_records(rules):
    """Chi-square over 2 x 20,000 predictions: fates, places, pieces into a word."""
    features = unmasked(4_000)
    batch, _ = masked(features, rules)
    text = features["input_mask"].astype(bool) & ~np.isin(features["input_ids"], [CLS, SEP])
    static = masking.mask_block(
        features["input_ids"],
        lengths=features["input_mask"].sum(axis=1),
        is_maskable=text,
        begins_word=features["word_starts"].astype(bool),
        rules=dataclasses.replace(rules, max_predictions_per_seq=10),
        rng=RandomStream(seed_of(0, "test")),
    )
    weights = np.arange(10) < static.num_predictions[:, None]
    ours = _shares(
        features, batch["input_ids"], batch["masked_lm_positions"], batch["masked_lm_weights"]
    )
    theirs = _shares(features, static.input_ids, static.masked_lm_positions, weights)
    for a, b in zip(ours, theirs, strict=True):
        assert a.sum() > 20_000 and b.sum() > 20_000
        # Draws are integers of a fixed seed, the same on every CPU: no alarm or always one.
        assert stats.chi2_contingency([a, b]).pvalue > 1e-3


def _shares(features, input_ids, positions, weights):
    row, slot = np.nonzero(weights)
    places = positions[row, slot].astype(int)
    shown, original = input_ids[row, places], features["input_ids"][row, places]
    fates = np.where(shown == MASK, 0, np.where(shown == original, 1, 2))
    since_start = (
        places
        - np.maximum.accumulate(np.where(features["word_starts"] == 1, np.arange(64), 0), axis=1)[
            row, places
        ]
    )
    return (
        np.bincount(fates, minlength=3),
        np.bincount(places // 8, minlength=8),
        np.bincount(np.minimum(since_start, 4), minlength=5),
    )


def test_four_fifths_are_hidden_and_a_tenth_each_kept_and_replaced():
    features = unmasked(4_000)
    batch, _ = masked(features, PIECES)
    fates = _shares(
        features,
        *list(batch[name] for name in ("input_ids", "masked_lm_positions", "masked_lm_weights")),
    )[0]
    # A random entry of 1,000 is the original or [MASK] itself once in 500.
    assert stats.chisquare(fates, np.array([0.8001, 0.1001, 0.0998]) * fates.sum()).pvalue > 1e-3
