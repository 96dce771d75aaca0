"""The story of `mnemosyne score`: minimal pairs to an accuracy, masks of a text to a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from data_prep.wordpiece import WordpieceTokenizer
from pipeline.pretrained_model import load_pretrained
from pipeline.scoring.pseudo_likelihood import pseudo_log_likelihoods
from pipeline.text_tables import kind_to_write, read_rows, texts_of, write_result
from pipeline.text_tables.reject_file import left_out


def score_pairs(
    checkpoint: str,
    input_file: str,
    output: str,
    *,
    columns: Sequence[str] = ("good", "bad"),
    batch_size: int = 64,
) -> float:
    """Scores both sentences of each pair; the model is right where the good one scores higher.

    Args:
        checkpoint: run or model folder with a masked-LM head.
        input_file: JSONL, TSV or Parquet with the two columns.
        output: of the kind that its ending names: `row`, the number of the row in the input from 1,
            `good_score` and `bad_score`, pseudo-log-likelihoods in nats, and `correct`, 1 or 0.
            Rows that were left out are in OUTPUT.rejects.jsonl.
        columns: of the good and of the bad sentence.
        batch_size: masked copies per forward pass.

    Returns:
        The accuracy, a fraction.

    Raises:
        FileNotFoundError: a folder or file is missing.
        ValueError: the model has no such head, or no row is good.
    """
    kind = kind_to_write(output, source=input_file)
    bert = load_pretrained(checkpoint)
    model = bert.masked_lm("mnemosyne score")
    numbers, sentences, rejects = [], [], []
    for row in read_rows(input_file):
        try:
            texts = texts_of(row, columns)
            sentences += _tokens(texts, columns, bert.tokenizer, bert.max_seq_length)
        except ValueError as error:
            rejects.append((row, str(error)))
            continue
        numbers.append(row.number)
    if not numbers:
        first = f", the first: {rejects[0][1]}" if rejects else ""
        raise ValueError(
            f"{input_file}: expected rows with the sentences {' and '.join(columns)}, received "
            f"{len(rejects):,} bad {'row' if len(rejects) == 1 else 'rows'}{first}"
        )
    total = sum(len(tokens) - 2 for tokens in sentences)
    with tqdm(total=total, desc="score", unit="token", mininterval=_interval()) as bar:
        scores = pseudo_log_likelihoods(
            model,
            sentences,
            mask_id=bert.tokenizer.mask_id,
            num_entries=len(bert.tokenizer.vocab),
            batch_size=batch_size,
            progress=bar.update,
        ).reshape(-1, 2)
    correct = (scores[:, 0] > scores[:, 1]).astype(int)
    write_result(
        output,
        kind,
        {
            "row": numbers,
            "good_score": scores[:, 0].tolist(),
            "bad_score": scores[:, 1].tolist(),
            "correct": correct.tolist(),
        },
        rejects,
    )
    accuracy = float(correct.mean())
    print(
        f"accuracy {100 * accuracy:.1f} %, {correct.sum():,} of {len(correct):,} pairs: {output}"
        f"{left_out(output, rejects)}"
    )
    return accuracy


def print_masked_words(checkpoint: str, text: str, top_k: int) -> None:
    """Prints a table of the most probable entries at each [MASK] of a text.

    Raises:
        ValueError: the text has no [MASK] or is too long, or the model has no masked-LM head.
    """
    masks = load_pretrained(checkpoint).fill_mask(text, top_k)
    rows = [
        (number, entry, f"{probability:.4f}")
        for number, each in enumerate(masks, 1)
        for entry, probability in each
    ]
    headers = ("mask", "entry", "probability")
    print(
        tabulate(rows, headers, "plain", disable_numparse=True, colalign=("right", "left", "right"))
    )


def _tokens(
    texts: Sequence[str], columns: Sequence[str], tokenizer: WordpieceTokenizer, max_seq_length: int
) -> list[np.ndarray]:
    """[CLS], the tokens of each text, [SEP]; a part of a sentence has no score of its own."""
    ids, lengths = tokenizer.tokenize(list(texts))
    found = []
    for column, part in zip(columns, np.split(ids, np.cumsum(lengths)[:-1]), strict=True):
        tokens = np.array([tokenizer.cls_id, *part, tokenizer.sep_id], np.int32)
        if not 2 < len(tokens) <= max_seq_length:
            raise ValueError(
                f"expected 1 to {max_seq_length - 2} tokens in column {column}, received "
                f"{len(part)}"
            )
        found.append(tokens)
    return found


def _interval() -> float:
    return 0.5 if sys.stderr.isatty() else 10.0
