"""The story of `mnemosyne bench finetune`: examples per CPU second, ours and others'."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from models import BertConfig
from pipeline.lab import figures_file
from pipeline.lab.finetune_speed import examples
from pipeline.lab.finetune_speed.contestants import contestants
from pipeline.lab.prepare import processor
from pipeline.lab.train_speed.comparison import check_same_training
from pipeline.lab.train_speed.contestants import OURS
from pipeline.lab.train_speed.running_program import RunningProgram, Turn
from pipeline.lab.train_speed.story import take_turns

_TRAINING = {"learning_rate": 1e-4, "weight_decay": 0.01, "clip_norm": 1.0, "epochs": 3}
_MODEL = ("vocab_size", "hidden_dim", "num_layers", "num_heads", "intermediate_dim")
_HEADERS = (
    "program",
    "examples/CPU s",
    "CPU s/step",
    "times ours",
    "wall s/step",
    "peak MB",
    "start CPU s",
)
_VERSIONS_OF = ("tensorflow", "tf-keras", "numpy")


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
        content = {
            "suite": "finetune",
            "settings": dataclasses.asdict(settings),
            "processor": processor.name(),
            "cases": cases,
        }
        figures_file.save(output, content, versions_of=_VERSIONS_OF)
    print(last_line(cases))


def _case(settings: Settings, task: str) -> dict[str, Any]:
    """Measures all programs on one task, alive at the same time and working in turn."""
    core = max(os.sched_getaffinity(0)) if settings.core is None else settings.core
    peers = {"keras_hub": settings.keras_hub, "hf_tf": settings.hf_tf}
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        path, num_classes, vocab_size = examples.save_examples(
            settings.glue_dir,
            task,
            settings.vocab_file,
            max_seq_length=settings.max_seq_length,
            folder=scratch,
        )
        config = BertConfig.named(settings.size, vocab_size=vocab_size)
        training = {
            **_TRAINING,
            "examples": path,
            "num_classes": num_classes,
            "batch_size": settings.batch_size,
            "dropout": settings.dropout,
            "model": {name: getattr(config, name) for name in (*_MODEL, "max_position_embeddings")},
        }
        programs = {}
        for contestant in contestants(peers=peers, with_mnemosyne=settings.mnemosyne):
            print(f"{task}, BERT-{settings.size}: {contestant.name}", file=sys.stderr)
            programs[contestant.name] = stack.enter_context(
                RunningProgram(contestant, training, core=core, scratch=scratch)
            )
        ready = {name: program.ready for name, program in programs.items()}
        check_same_training(ready, config)
        turns = take_turns(programs, rounds=settings.rounds, steps=settings.steps)
        text_fraction = examples.text_fraction(path)
    return {
        "task": task,
        "size": settings.size,
        "dropout": settings.dropout,
        "batch_size": settings.batch_size,
        "max_seq_length": settings.max_seq_length,
        "text_fraction": text_fraction,
        "programs": figures(turns, ready, batch_size=settings.batch_size),
    }


def figures(
    turns: Mapping[str, Sequence[Turn]],
    ready: Mapping[str, Mapping[str, Any]],
    *,
    batch_size: int,
) -> dict[str, dict[str, Any]]:
    """Returns the figures of every program.

    Args:
        turns: of each program, one a round.
        ready: of each program, what it said of its start.
        batch_size: examples a step.

    Returns:
        By program: `examples_per_cpu_second`, and `cpu_seconds` and `wall_seconds` of a step,
        medians over the rounds; `times_ours`, the median over the rounds of its CPU time divided by
        ours in the same round; `peak_mb`; what is in `ready`; `turns`.
    """
    cpu = {name: [t.cpu_seconds / t.steps for t in each] for name, each in turns.items()}
    found = {}
    for name, each in turns.items():
        ratios = [theirs / ours for theirs, ours in zip(cpu[name], cpu[OURS], strict=True)]
        found[name] = {
            "examples_per_cpu_second": batch_size / statistics.median(cpu[name]),
            "cpu_seconds": statistics.median(cpu[name]),
            "wall_seconds": statistics.median(t.wall_seconds / t.steps for t in each),
            "times_ours": statistics.median(ratios),
            "peak_mb": each[-1].peak_mb,
            **ready[name],
            "turns": [vars(turn) for turn in each],
        }
    return found


def table(case: Mapping[str, Any]) -> str:
    """Returns the title of a case and a table with a row for each program."""
    rows = [
        (
            name,
            f"{each['examples_per_cpu_second']:.1f}",
            f"{each['cpu_seconds']:.3f}",
            f"{each['times_ours']:.2f}",
            f"{each['wall_seconds']:.3f}",
            f"{each['peak_mb']:,.0f}",
            f"{each['start_cpu_seconds']:.1f}",
        )
        for name, each in case["programs"].items()
    ]
    align = ("left", *["right"] * (len(_HEADERS) - 1))
    body = tabulate(rows, _HEADERS, "plain", disable_numparse=True, colalign=align)
    return (
        f"{case['task']}, BERT-{case['size']}, {case['batch_size']} examples a step, at most "
        f"{case['max_seq_length']} tokens, {case['text_fraction']:.0%} of them text, dropout "
        f"{case['dropout']:g}, one core\n{body}"
    )


def last_line(cases: Sequence[Mapping[str, Any]]) -> str:
    """Returns how many times our CPU time each of the others takes, by task."""
    parts = []
    for case in cases:
        others = [
            f"{each['times_ours']:.2f}x {name}"
            for name, each in case["programs"].items()
            if name != OURS
        ]
        if others:
            parts.append(f"{case['task']}: {', '.join(others)}")
    return "CPU time of a step, ours 1; " + ("; ".join(parts) or "nothing to compare with")
