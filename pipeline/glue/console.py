"""What fine-tuning says on the console besides its progress bar and its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.glue.files.examples import TaskData
from pipeline.glue.initial_weights import InitialEncoder
from pipeline.glue.pretrained_run import PretrainedRun
from pipeline.glue.settings import FineTuningSettings, SeededSettings
from pipeline.glue.task import GlueTask

# Text of the language and casing of a vocabulary has well below a percent.
_MANY_UNKNOWN = 0.02


def warn_of_untrained_positions(run: PretrainedRun, settings: FineTuningSettings) -> None:
    """Warns where `max_seq_length` is beyond the positions that were trained."""
    if untrained := run.untrained_positions(settings.max_seq_length):
        print(
            f"WARNING --max_seq_length {settings.max_seq_length}: the run was trained on records "
            f"of at most {run.trained_positions} tokens, so rows {untrained[0]} to "
            f"{untrained[-1]} of its position table hold their random initial values. Leave the "
            "flag out, or continue pre-training on longer records (train.initial_run) first",
            flush=True,
        )


def say_skipped(task: GlueTask, settings: SeededSettings, seeds: Sequence[int]) -> None:
    """Names the seeds of a task that are finished; `seeds` are those that are not."""
    finished = [str(seed) for seed in settings.all_seeds if seed not in seeds]
    which = "" if settings.seeds == 1 else f", seed {', '.join(finished)}"
    print(f"{task.name}{which}: finished earlier with the same settings, skipped", flush=True)


def announce(task: GlueTask, data: TaskData, directory: str) -> None:
    """Says how many examples there are, and warns of rows that were left out."""
    dev = " + ".join(f"{len(examples):,}" for examples in data.dev_sets)
    line = f"{task.name}: {len(data.train):,} training and {dev} dev examples"
    print(f"{line}; {data.note}" if data.note else line, flush=True)
    if data.rejects:
        first = data.rejects[0]
        print(
            f"WARNING {task.name}: {_counted(len(data.rejects), 'malformed row')} left out, "
            f"the first in {first.file}, line {first.line}: {first.reason}; all are in "
            f"{directory}/rejects.jsonl",
            flush=True,
        )


def warn_of_unknown_tokens(row: Mapping, start: InitialEncoder) -> None:
    """Warns where many tokens of the texts are not in the vocabulary."""
    if row["unknown_fraction"] > _MANY_UNKNOWN:
        print(
            f"WARNING {row['task']}: {row['unknown_fraction']:.1%} of its tokens are [UNK]; the "
            f"vocabulary of {start.tokenizer.vocab_file} was learned from text of another language "
            "or casing",
            flush=True,
        )


def say_cut(row: Mapping, settings: FineTuningSettings) -> None:
    """Says how many texts were longer than `max_seq_length`."""
    if row["cut_train_examples"]:
        print(
            f"{row['task']}: {row['cut_train_examples']:,} of {row['train_examples']:,} training "
            f"examples are longer than --max_seq_length {settings.max_seq_length} and cut",
            flush=True,
        )


def say_scores(task: GlueTask, row: Mapping) -> None:
    """Says what a seed of a task reached: "RTE, seed 0: accuracy 61.0"."""
    scores = " / ".join(f"{100 * value:.1f}" for value in row["metrics"].values())
    print(f"{task.name}, seed {row['seed']}: {task.metric_label} {scores}", flush=True)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
