"""One record as text for a terminal: its tokens, its predictions, its label.

At a prediction an arrow joins the token of the input and the original token:

    [MASK]->lord    the word was hidden
    horse->lord     it was replaced by a random word
    lord->lord      it was left as it is

A record that the trainer masks has no arrows, one without pairs has no label.
"""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np

WIDTH = 100
_ARROW = "->"


def marked_tokens(record: Mapping[str, np.ndarray], vocab: Sequence[str]) -> list[str]:
    """The tokens of a record without padding, predictions with their arrows.

    Args:
      record: `input_ids`, `input_mask` int32 `[seq_len]`; `masked_lm_positions`,
        `masked_lm_ids` int32 and `masked_lm_weights` float32 `[num_predictions]`, none of
        these three in an unmasked record.
      vocab: Token of each id.

    Example:
      input_ids [CLS] the [MASK] sat [SEP], position 2, original id of "cat" gives
      `["[CLS]", "the", "[MASK]->cat", "sat", "[SEP]"]`.
    """
    num_tokens = int(record["input_mask"].sum())
    tokens = [vocab[i] for i in record["input_ids"][:num_tokens]]
    if "masked_lm_weights" not in record:
        return tokens
    is_real = record["masked_lm_weights"] > 0
    positions, originals = record["masked_lm_positions"], record["masked_lm_ids"]
    for position, original in zip(positions[is_real], originals[is_real], strict=True):
        tokens[position] += f"{_ARROW}{vocab[original]}"
    return tokens


def format_record(
    record: Mapping[str, np.ndarray], vocab: Sequence[str], *, title: str, has_pairs: bool = True
) -> str:
    """A title line and both segments, wrapped at 100 columns.

    Args:
      record: As for `marked_tokens`, with `segment_ids` int32 `[seq_len]` and
        `next_sentence_labels` int32 `[]`.
      vocab: Token of each id.
      title: What the record is called.
      has_pairs: Whether it is a pair of segments, with a label.
    """
    tokens = marked_tokens(record, vocab)
    facts = [f"{len(tokens)} of {len(record['input_ids'])} tokens"]
    if "masked_lm_weights" in record:
        facts.append(f"{int((record['masked_lm_weights'] > 0).sum())} predictions")
    else:
        facts.append(f"{int(record['word_starts'].sum())} words, not masked")
    if has_pairs:
        is_random = bool(record["next_sentence_labels"])
        kind = "random" if is_random else "true"
        facts.append(f"next_sentence_labels {int(is_random)} ({kind} next)")
    lines = textwrap.wrap(f"{title}: {', '.join(facts)}", WIDTH)
    segment_ids = record["segment_ids"][: len(tokens)]
    for segment, name in ((0, "A"), (1, "B")):
        words = [
            token for token, owner in zip(tokens, segment_ids, strict=True) if owner == segment
        ]
        if words:
            lines += textwrap.wrap(
                " ".join(words),
                WIDTH,
                initial_indent=f"  {name}  ",
                subsequent_indent="     ",
                break_on_hyphens=False,
            )
    return "\n".join(lines)
