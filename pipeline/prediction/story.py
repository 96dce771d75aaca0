"""The story of `mnemosyne predict`: a fine-tuned model and a file of texts to a file of labels."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from tqdm import tqdm

from pipeline.glue.encoding import count_cut
from pipeline.pretrained_model import PretrainedModel, load_pretrained
from pipeline.text_tables import Row, kind_of, kind_to_write, read_rows, texts_of, write_result
from pipeline.text_tables.kinds import TSV
from pipeline.text_tables.reject_file import left_out

_ROWS_PER_PART = 4096


def predict_file(
    checkpoint: str,
    input_file: str,
    output: str,
    *,
    columns: Sequence[str] = (),
    batch_size: int = 64,
) -> None:
    """Writes a row for each good row of the input, in its order, and says how many were bad.

    Args:
        checkpoint: model folder of a fine-tuned task.
        input_file: TSV, JSONL or Parquet with a column for each sentence.
        output: of the kind that its ending names: columns `row`, the number of the row in the input
            from 1, and `label` and `probability`, or `score` of a regression. Rows that were left
            out are in OUTPUT.rejects.jsonl.
        columns: of the sentences; by default those that the model was fine-tuned on.
        batch_size: rows per forward pass.

    Raises:
        FileNotFoundError: a folder or file is missing.
        ValueError: the model is no classifier, a column is missing, or no row is good.
    """
    kind = kind_to_write(output, source=input_file)
    model = load_pretrained(checkpoint)
    columns = _columns(model, columns)
    good, answers, rejects, num_cut = [], [], [], 0
    with tqdm(desc="predict", unit=" rows", mininterval=_interval()) as bar:
        for part in _parts(read_rows(input_file), _ROWS_PER_PART):
            texts = _good_texts(part, columns, good, rejects)
            if texts:
                answers.append(_answers(model, texts, batch_size))
                segments = [texts] if len(columns) == 1 else list(zip(*texts, strict=True))
                num_cut += count_cut(segments, model.tokenizer, model.max_seq_length)
            bar.update(len(part))
    if not good:
        raise ValueError(_nothing_good(input_file, columns, rejects))
    names = answers[0].keys()
    columns_out = {name: [x for part in answers for x in part[name]] for name in names}
    write_result(output, kind, {"row": good, **columns_out}, rejects)
    if num_cut:
        print(f"{num_cut:,} longer than the model's {model.max_seq_length} tokens, and cut")
    print(f"predicted {len(good):,} rows: {output}{left_out(output, rejects)}")


def _parts(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    rows = iter(rows)
    while part := list(itertools.islice(rows, size)):
        yield part


def _columns(model: PretrainedModel, columns: Sequence[str]) -> Sequence[str]:
    expected = model.description.sentence_columns
    of_other_library = model.description.kind == "classifier" and not expected
    if of_other_library and len(columns) not in (1, 2):
        raise ValueError(
            "--columns: expected the column of the text, or both of a pair joined by a comma, "
            f"since this model does not say what it takes; received {', '.join(columns) or 'none'}"
        )
    if not columns:
        return expected
    if expected and len(columns) != len(expected):
        raise ValueError(
            f"--columns: expected {len(expected)} ({', '.join(expected)} of task "
            f"{model.description.task}), received {', '.join(columns)}"
        )
    return columns


def _good_texts(part: Sequence[Row], columns: Sequence[str], good: list, rejects: list) -> list:
    """The texts of the good rows; their numbers and the bad rows are added to the lists."""
    texts = []
    for row in part:
        try:
            row_texts = texts_of(row, columns)
        except ValueError as error:
            rejects.append((row, str(error)))
            continue
        good.append(row.number)
        texts.append(row_texts[0] if len(columns) == 1 else row_texts)
    return texts


def _answers(model: PretrainedModel, texts: list, batch_size: int) -> dict[str, list]:
    predictions = model.predict(texts, batch_size)
    if isinstance(predictions, np.ndarray):
        return {"score": predictions.tolist()}
    labels, probabilities = zip(*predictions, strict=True)
    return {"label": list(labels), "probability": list(probabilities)}


def _nothing_good(input_file: str, columns: Sequence[str], rejects: list) -> str:
    received = "none below the header" if kind_of(input_file) == TSV else "a file without rows"
    if rejects:
        row, reason = rejects[0]
        bad = f"{len(rejects):,} bad row{'s' if len(rejects) > 1 else ''}"
        received = f"{bad}, the first, row {row.number}: {reason}"
    return (
        f"{input_file}: expected rows with text in {', '.join(columns)}, received {received}. "
        "--columns names other columns."
    )


def _interval() -> float:
    return 0.5 if sys.stderr.isatty() else 10.0
