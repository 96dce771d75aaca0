"""The story of `mnemosyne bench train`: training steps per CPU second, ours and others'."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from models import BertConfig
from pipeline.lab.prepare import processor
from pipeline.lab.side_by_side.contestant import ADAMW, Contestant
from pipeline.lab.side_by_side.running_program import one_core, running
from pipeline.lab.side_by_side.same_training import check_same_training
from pipeline.lab.side_by_side.table import last_line, save
from pipeline.lab.side_by_side.turns import take_turns
from pipeline.lab.train_speed import batches, comparison, table
from pipeline.lab.train_speed.contestants import PEERS, contestants, matrix_products
from pipeline.run.watching.model_flops import training_flops

# Of google-research/bert's uncased models.
VOCAB_SIZE = 30_522
ONE_CORE, ALL_CORES = "one", "all"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the measurement; each is a flag of the same name.

    Attributes:
        sizes: of BERT, as of `BertConfig.named`.
        dropout: probabilities; every combination is measured.
        cores: `one` or `all`, or both.
        batch_size, max_seq_length, max_predictions_per_seq: of every step.
        vocab_size: of the models.
        baseline: another checkout of this project, or None.
        keras_hub, hf_tf, hf_torch: a Python that has the library, or None.
        helped: whether to measure the helped variants, too.
        mnemosyne: whether to measure ours with the optimizer Mnemosyne, too.
        rounds: turns of each program, of which the medians count.
        steps: of a turn.
        core: number of the one core; None is the last one.
    """

    sizes: Sequence[str] = ("mini",)
    dropout: Sequence[float] = (0.1,)
    cores: Sequence[str] = (ONE_CORE,)
    batch_size: int = 32
    max_seq_length: int = 128
    max_predictions_per_seq: int = 20
    vocab_size: int = VOCAB_SIZE
    baseline: str | None = None
    keras_hub: str | None = None
    hf_tf: str | None = None
    hf_torch: str | None = None
    helped: bool = False
    mnemosyne: bool = False
    rounds: int = 7
    steps: int = 1
    core: int | None = None


def run(settings: Settings, output: str | None = None) -> None:
    """Prints a table for each case and writes the JSON.

    Args:
        settings: of the measurement.
        output: JSON to write, or None.

    Raises:
        ValueError: a program failed, or trains another model or loss.
    """
    print(f"processor: {processor.name()}")
    cases = []
    for size, dropout, cores in itertools.product(settings.sizes, settings.dropout, settings.cores):
        cases.append(_case(settings, size, dropout, cores))
        print(table.table(cases[-1]), flush=True)
    if output:
        save(output, "train", cases, dataclasses.asdict(settings))
    print(last_line([(_short_title(case), case["programs"]) for case in cases]))


def _case(settings: Settings, size: str, dropout: float, cores: str) -> dict[str, Any]:
    """Measures all programs, alive at the same time and working in turn."""
    config = BertConfig.named(size, vocab_size=settings.vocab_size)
    core = one_core(settings.core) if cores == ONE_CORE else None
    title = f"BERT-{size}, dropout {dropout:g}"
    with tempfile.TemporaryDirectory() as scratch:
        training = training_settings(
            config, dropout=dropout, batches_file=random_batches(settings, scratch)
        )
        started = [matrix_products(), *_contestants(settings)]
        with running(started, training, title=title, core=core, scratch=scratch) as programs:
            _, *trained = programs
            ready = {name: programs[name].ready for name in trained}
            check_same_training(ready, hidden_dim=config.hidden_dim)
            turns = take_turns(programs, rounds=settings.rounds, steps=settings.steps)
    measured = comparison.figures(
        turns,
        ready,
        batch_size=settings.batch_size,
        flops_of_a_sequence=training_flops(
            config,
            batch=1,
            seq_len=settings.max_seq_length,
            num_predictions=settings.max_predictions_per_seq,
        ),
    )
    return {
        "size": size,
        "dropout": dropout,
        "cores": "all cores" if core is None else "one core",
        "batch_size": settings.batch_size,
        "seq_len": settings.max_seq_length,
        **measured,
    }


def _short_title(case: Mapping[str, Any]) -> str:
    return f"BERT-{case['size']}, dropout {case['dropout']:g}, {case['cores']}"


def _contestants(settings: Settings) -> list[Contestant]:
    return contestants(
        baseline=settings.baseline,
        pythons={name: getattr(settings, name) for name in PEERS},
        with_helped=settings.helped,
        with_mnemosyne=settings.mnemosyne,
    )


def training_settings(config: BertConfig, *, dropout: float, batches_file: str) -> dict[str, Any]:
    """Returns what the programs are given, as JSON can hold it."""
    names = ("vocab_size", "hidden_dim", "num_layers", "num_heads", "intermediate_dim")
    return {
        **ADAMW,
        "batches": batches_file,
        "dropout": dropout,
        "model": {name: getattr(config, name) for name in (*names, "max_position_embeddings")},
    }


def random_batches(settings: Settings, scratch: str) -> str:
    """Writes batches of the shape that the flags give, and returns the path."""
    features = batches.random_batches(
        vocab_size=settings.vocab_size,
        batch_size=settings.batch_size,
        seq_len=settings.max_seq_length,
        predictions=settings.max_predictions_per_seq,
    )
    return batches.save(features, scratch)
