"""The score table as aligned Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tabulate import tabulate

from pipeline.glue.task import metric_words

_NONE = "\N{EN DASH}"


def _percent(value: float | None) -> str:
    return _NONE if value is None else f"{100 * value:.1f}"


def _metrics(row: Mapping) -> str:
    return ", ".join(
        f"{metric_words(name)} {100 * value:.1f}" for name, value in row["metrics"].items()
    )


_Column = tuple[str, Callable[[Mapping], str]]
_FIRST: tuple[_Column, ...] = (
    ("task", lambda row: row["task"]),
    ("score", lambda row: _percent(row["score"])),
)
_OF_SEEDS: tuple[_Column, ...] = (
    ("deviation", lambda row: _percent(row["deviation"])),
    ("median", lambda row: _percent(row["median"])),
    ("seeds", lambda row: str(len(row["seeds"]))),
)
_MAJORITY: tuple[_Column, ...] = (("majority", lambda row: _percent(row.get("majority_score"))),)
_LAST: tuple[_Column, ...] = (
    ("metrics", _metrics),
    ("train", lambda row: f"{row['train_examples']:,}"),
    ("dev", lambda row: f"{row['dev_examples']:,}"),
    ("steps", lambda row: f"{row['num_train_steps']:,}"),
    ("seconds", lambda row: f"{row['seconds']:.0f}"),
)
_LEFT_ALIGNED = ("task", "metrics")


def score_table(
    rows: Sequence[Mapping], *, average: float, diagnostic: Mapping | None = None
) -> str:
    """Rows and their average as an aligned table; scores are in percent.

    Args:
      rows: One per task, see `seeds.task_rows`; deviation and median are shown where a task has
        several seeds; majority is the score of the most frequent label.
      average: Of the rows, a fraction.
      diagnostic: The row of AX, which stands below the average.
    """
    has_seeds = any(len(row["seeds"]) > 1 for row in rows)
    has_majority = any(
        "majority_score" in row for row in rows
    )  # not in folders of earlier versions
    middle = (*(_OF_SEEDS if has_seeds else ()), *(_MAJORITY if has_majority else ()))
    columns = (*_FIRST, *middle, *_LAST)
    heads = [head for head, _ in columns]
    cells = [[text(row) for _, text in columns] for row in rows]
    cells.append(["average", _percent(average), *[""] * (len(columns) - 2)])
    if diagnostic:
        known = {"task": f"{diagnostic['task']} (diagnostic)", "metrics": _metrics(diagnostic)}
        known |= {"score": _percent(diagnostic["score"]), "dev": f"{diagnostic['examples']:,}"}
        cells.append([known.get(head, "") for head in heads])
    return tabulate(
        cells,
        heads,
        tablefmt="pipe",
        colalign=["left" if head in _LEFT_ALIGNED else "right" for head in heads],
        disable_numparse=True,
    )
