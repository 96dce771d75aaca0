"""The sources of a report: folders on disk to one object each.

A folder is recognised by what it holds: `manifest.json` makes it a folder of
records, `run.json` a pre-training run, `results.json` a GLUE score table.
"""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence

import numpy as np

from data_prep import features as records
from pipeline.optimizers.table import display_name

_SPLITS = ("train", "heldout", "steps")


@dataclasses.dataclass(frozen=True)
class Run:
    """A pre-training run.

    Attributes:
      directory: The run folder.
      facts: Content of `run.json`.
      train: Rows of `metrics.jsonl` over training batches, by step; with `tokens`, those trained on
        so far without padding, where the run logged how many a step has.
      heldout: Rows over held-out sequences, by step; with `tokens` too.
      is_complete: Whether the run reached its last step.
      label: Short name, different for every run of a report.
      steps: Rows of what single training steps did to the weights, by step; none of a run that was
        not watched.
    """

    directory: str
    facts: Mapping
    train: Sequence[Mapping]
    heldout: Sequence[Mapping]
    is_complete: bool
    label: str = ""
    steps: Sequence[Mapping] = ()

    @property
    def optimizer(self) -> str:
        """The display name of the optimizer."""
        return display_name(self.facts["optimizer"])

    @property
    def last_step(self) -> int:
        """The last step with a row in the log; 0 if there is none."""
        return max([row["step"] for row in (*self.train, *self.heldout)], default=0)

    @property
    def num_train_steps(self) -> int:
        """The step at which the run is to end."""
        return self.facts["recipe"]["train"]["num_train_steps"]

    @property
    def is_of_a_t5(self) -> bool:
        """Whether spans are predicted, not masked tokens: losses of both do not compare."""
        prepare = self.facts["recipe"].get("prepare", {})
        return prepare.get("objective") == "span_corruption"

    @property
    def judged_by(self) -> str:
        """The metric whose lowest held-out value is the best."""
        return "target_loss" if self.is_of_a_t5 else "masked_lm_loss"

    def logs(self, metric: str) -> bool:
        """Says whether any row has `metric`; a run without sentence pairs has none of theirs."""
        return any(metric in row for row in (*self.train, *self.heldout))

    @property
    def majority_accuracy(self) -> float | None:
        """Next-sentence accuracy of the more frequent answer for every pair of its records.

        Short records hold more random pairs than true ones, so it is not 0.5. None where the run
        read one of several bins: the manifest has the fraction over all of them only.
        """
        manifest = self.facts["data_manifest"]
        if manifest["settings"].get("bins"):
            return None
        random_next = manifest["statistics"].get("random_next_share", 0.5)
        return max(random_next, 1 - random_next)


@dataclasses.dataclass(frozen=True)
class DataFolder:
    """A folder of records and its manifest."""

    directory: str
    manifest: records.Manifest


@dataclasses.dataclass(frozen=True)
class ScoreTable:
    """A GLUE output folder and its `results.json`."""

    directory: str
    results: Mapping
    is_complete: bool

    @property
    def kind(self) -> str:
        """Of tasks: "glue", "sample" or "own"; folders of earlier versions know two kinds."""
        return self.results.get("kind") or ("sample" if self.results["sample_tasks"] else "glue")


@dataclasses.dataclass(frozen=True)
class Sources:
    """All folders of one report, each kind in the order given."""

    runs: tuple[Run, ...]
    data: tuple[DataFolder, ...]
    scores: tuple[ScoreTable, ...]

    def scores_of(self, kind: str) -> list[ScoreTable]:
        """The score tables of one kind of tasks."""
        return [table for table in self.scores if table.kind == kind]


def read_sources(directories: Sequence[str]) -> Sources:
    """Reads every folder and gives the runs their labels.

    Raises:
      FileNotFoundError: If a folder is missing.
      ValueError: If a folder is none of the three kinds, or a file is malformed.
    """
    found = [_read_source(directory) for directory in dict.fromkeys(directories)]
    runs = [source for source in found if isinstance(source, Run)]
    return Sources(
        runs=tuple(_labelled(runs)),
        data=tuple(source for source in found if isinstance(source, DataFolder)),
        scores=tuple(source for source in found if isinstance(source, ScoreTable)),
    )


def _read_source(directory: str) -> Run | DataFolder | ScoreTable:
    if not os.path.isdir(directory):
        raise FileNotFoundError(
            f"{directory}: expected a folder of `mnemosyne prepare`, `pretrain` or `glue`, "
            "received a path where there is none; give one that exists"
        )
    is_complete = os.path.exists(os.path.join(directory, "COMPLETED"))
    if os.path.exists(os.path.join(directory, "manifest.json")):
        return DataFolder(directory, records.load_manifest(directory))
    if os.path.exists(os.path.join(directory, "run.json")):
        facts = _read_json(os.path.join(directory, "run.json"))
        *losses, steps = _read_metrics(os.path.join(directory, "metrics.jsonl"))
        return Run(directory, facts, *_with_tokens(*losses), is_complete, steps=steps)
    if os.path.exists(os.path.join(directory, "results.json")):
        results = _read_json(os.path.join(directory, "results.json"))
        if results.get("kind") == "vit":
            raise ValueError(
                f"{directory}: expected records, a pre-training run or GLUE scores, received a run "
                "of `mnemosyne vit`; it has a page of its own, report.html"
            )
        return ScoreTable(directory, results, is_complete)
    raise ValueError(
        f"{directory}: expected manifest.json (records), run.json (a pre-training run) or "
        f"results.json (GLUE scores), received {', '.join(sorted(os.listdir(directory))[:8])}"
        "; give the --output folder of a command that has begun its work"
    )


def _read_json(path: str) -> Mapping:
    with open(path, encoding="utf-8") as file:
        try:
            return json.load(file)
        except ValueError as error:
            raise ValueError(
                f"{path}: expected JSON, received something else ({error}); run the command "
                "that wrote it again"
            ) from error


def _read_metrics(path: str) -> tuple[list[Mapping], ...]:
    """Returns the rows of each of `_SPLITS` by step; of rows of one step, the last counts."""
    lines = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
    split_to_rows: dict[str, dict[int, Mapping]] = {split: {} for split in _SPLITS}
    # After the last line feed comes nothing, or a row that a killed run began to write.
    for number, line in enumerate(lines[:-1], start=1):
        try:
            row = json.loads(line)
            split_to_rows[row["split"]][row["step"]] = row
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{path}, line {number}: expected a JSON row with "split" ({" or ".join(_SPLITS)}) '
                f'and "step", received {line[:80]!r}; delete the line'
            ) from error
    return tuple([rows[step] for step in sorted(rows)] for rows in split_to_rows.values())


def _with_tokens(
    train: Sequence[Mapping], heldout: Sequence[Mapping]
) -> tuple[list[Mapping], list[Mapping]]:
    """Adds to every row the tokens so far, the sum of `tokens_per_step` over its steps."""
    if not train or not all("tokens_per_step" in row for row in train):
        return list(train), list(heldout)
    steps = np.array([0, *(row["step"] for row in train)])
    tokens = np.cumsum([0, *(np.diff(steps) * [row["tokens_per_step"] for row in train])])
    return tuple(
        [{**row, "tokens": float(np.interp(row["step"], steps, tokens))} for row in rows]
        for rows in (train, heldout)
    )


def _labelled(runs: Sequence[Run]) -> list[Run]:
    """Gives each run the shortest label that no other run has."""
    candidates = [
        [run.optimizer for run in runs] if len(runs) > 1 else [],
        [f"{run.facts['name']}, {run.optimizer}" for run in runs],
        [os.path.basename(os.path.normpath(run.directory)) for run in runs],
        [run.directory for run in runs],
    ]
    for labels in candidates:
        if len(labels) == len(runs) == len(set(labels)):
            break
    return [dataclasses.replace(run, label=label) for run, label in zip(runs, labels, strict=True)]
