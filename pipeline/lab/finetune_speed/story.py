"""The story of `mnemosyne bench finetune`: examples per CPU second, ours and others'."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from models import BertConfig
from pipeline.lab.finetune_speed import examples
from pipeline.lab.prepare import processor
from pipeline.lab.side_by_side import contestant, peers
from pipeline.lab.side_by_side.contestant import ADAMW, Contestant
from pipeline.lab.side_by_side.running_program import one_core, running
from pipeline.lab.side_by_side.same_training import check_same_training
from pipeline.lab.side_by_side.table import last_line, program_table, save
from pipeline.lab.side_by_side.turns import program_figures, take_turns

PEERS = ("keras_hub", "hf_tf")
_MODEL = ("vocab_size", "hidden_dim", "num_layers", "num_heads", "intermediate_dim")
# Header, key, format.
_COLUMNS = (
    ("examples/CPU s", "examples_per_cpu_second", ".1f"),
    ("CPU s/step", "cpu_seconds", ".3f"),
    ("times ours", "times_ours", ".2f"),
    ("wall s/step", "wall_seconds", ".3f"),
    ("peak MB", "peak_mb", ",.0f"),
    ("start CPU s", "start_cpu_seconds", ".1f"),
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the measurement; each is a flag of the same name.

    Attributes:
        glue_dir: folder with one folder per task.
        vocab_file: of a lower-cased vocabulary.
        tasks: names, of tasks of classes.
        size: of BERT, as of `BertConfig.named`.
        dropout: probability.
        batch_size: examples of every step.
        max_seq_length: tokens of the longest example.
        keras_hub, hf_tf: a Python that has the library, or None.
        mnemosyne: whether to measure ours with the optimizer Mnemosyne, too.
        rounds: turns of each program, of which the medians count.
        steps: of a turn.
        core: number of the one core; None is the last one.
    """

    glue_dir: str
    vocab_file: str
    tasks: Sequence[str] = ("SST-2", "MRPC")
    size: str = "mini"
    dropout: float = 0.1
    batch_size: int = 32
    max_seq_length: int = 128
    keras_hub: str | None = None
    hf_tf: str | None = None
    mnemosyne: bool = False
    rounds: int = 5
    steps: int = 32
    core: int | None = None


def run(settings: Settings, output: str | None = None) -> None:
    """Prints a table for each task and writes the JSON.

    Args:
        settings: of the measurement.
        output: JSON to write, or None.

    Raises:
        ValueError: a program failed, or trains another model or loss.
        FileNotFoundError: a file of a task is missing.
    """
    print(f"processor: {processor.name()}")
    cases = []
    for task in settings.tasks:
        cases.append(_case(settings, task))
        print(table(cases[-1]), flush=True)
    if output:
        save(output, "finetune", cases, dataclasses.asdict(settings))
    print(last_line([(case["task"], case["programs"]) for case in cases]))


def contestants(settings: Settings) -> list[Contestant]:
    """Returns the programs in the order of the table, ours first."""
    pythons = {name: getattr(settings, name) for name in PEERS}
    return [
        *contestant.ours(_program("mnemosyne"), with_mnemosyne=settings.mnemosyne),
        *peers.contestants(pythons, _program),
    ]


def _program(library: str) -> str:
    return str(pathlib.Path(__file__).parent / "programs" / f"{library}_classifier.py")


def _case(settings: Settings, task: str) -> dict[str, Any]:
    """Measures all programs on one task, alive at the same time and working in turn."""
    core, title = one_core(settings.core), f"{task}, BERT-{settings.size}"
    with tempfile.TemporaryDirectory() as scratch:
        path, num_classes, vocab_size = examples.save_examples(
            settings.glue_dir,
            task,
            settings.vocab_file,
            max_seq_length=settings.max_seq_length,
            folder=scratch,
        )
        config = BertConfig.named(settings.size, vocab_size=vocab_size)
        training = {
            **ADAMW,
            "epochs": 3,
            "examples": path,
            "num_classes": num_classes,
            "batch_size": settings.batch_size,
            "dropout": settings.dropout,
            "model": {name: getattr(config, name) for name in (*_MODEL, "max_position_embeddings")},
        }
        started = contestants(settings)
        with running(started, training, title=title, core=core, scratch=scratch) as programs:
            ready = {name: program.ready for name, program in programs.items()}
            check_same_training(ready, hidden_dim=config.hidden_dim)
            turns = take_turns(programs, rounds=settings.rounds, steps=settings.steps)
        text_fraction = examples.text_fraction(path)
    return {
        "task": task,
        "size": settings.size,
        "dropout": settings.dropout,
        "batch_size": settings.batch_size,
        "max_seq_length": settings.max_seq_length,
        "text_fraction": text_fraction,
        "programs": program_figures(turns, ready, batch_size=settings.batch_size),
    }


def table(case: Mapping[str, Any]) -> str:
    """Returns the title of a case and a table with a row for each program."""
    return (
        f"{case['task']}, BERT-{case['size']}, {case['batch_size']} examples a step, at most "
        f"{case['max_seq_length']} tokens, {case['text_fraction']:.0%} of them text, dropout "
        f"{case['dropout']:g}, one core\n{program_table(case['programs'], _COLUMNS)}"
    )
