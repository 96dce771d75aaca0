"""What a person sees of a training run, and what its log keeps."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO

import numpy as np
import tqdm

from models import losses as losses_of_bert
from models.batch_losses import BatchLosses
from pipeline.recipes.loader import Recipe
from pipeline.run.checkpoints import TrainingCheckpoint
from pipeline.run.run_folder import RunFolder
from pipeline.run.watching.tensorboard import RunScalars
from pipeline.run.watching.throughput import rates, rates_text, with_prefix

_BAR_FIGURES = {
    "loss": "loss {:.3f}",
    "masked_lm_accuracy": "mlm {:.1%}",
    "next_sentence_accuracy": "nsp {:.1%}",
    "target_accuracy": "target {:.1%}",
}
_BAR = "{desc} {percentage:3.0f}% {n_fmt}/{total_fmt}{postfix}"


def heldout_text(figures: Mapping[str, float]) -> str:
    """Returns held-out means in words; of records without pairs, without next sentences.

    Args:
      figures: `unigram_loss`, and the means of `models.losses` or of `models.t5.losses`.
    """
    if "target_loss" in figures:
        return (
            "target loss {target_loss:.4f} nats a token (unigram plateau {unigram_loss:.4f}), "
            "accuracy {target_accuracy:.4f}"
        ).format(**figures)
    text = (
        "masked-LM loss {masked_lm_loss:.4f} nats (unigram plateau {unigram_loss:.4f}), accuracy "
        "{masked_lm_accuracy:.4f}"
    )
    if "next_sentence_loss" in figures:
        text += (
            "; next-sentence loss {next_sentence_loss:.4f}, accuracy {next_sentence_accuracy:.4f}"
        )
    return text.format(**figures)


def lengthening_text(lengthening: Mapping[str, int]) -> str:
    """Returns what becomes of the schedule of a run that was made longer.

    Args:
      lengthening: `at_step`, and the steps in all `before` and `now`; see `RunFolder.write_run`.
    """
    return (
        "pretrain: lengthened from {before:,} to {now:,} steps at step {at_step:,}; weights and "
        "optimizer state are kept, and the schedule is from here on that of a run of {now:,} "
        "steps: the learning rate jumps from where it stood to where such a run has it at this "
        "step".format(**lengthening)
    )


class _Lines:
    """A file for tqdm that gets whole lines, not one that is drawn again and again."""

    def __init__(self, file: TextIO):
        self._file = file

    def write(self, text: str) -> None:
        """Writes what is left of the text without control characters, if anything is."""
        if text := text.strip():
            self._file.write(text + "\n")

    def flush(self) -> None:
        self._file.flush()


class TrainingProgress:
    """Adds up metric sums, writes a row every `log_every_steps`, draws the progress line.

    Args:
      run: where rows go.
      checkpoint: its step and seconds; the seconds are counted here.
      recipe: batch and intervals.
      unigram_loss: nats, printed with every evaluation.
      scalars: gets every row, too; None for none.
      losses: whose metric sums it is given.
    """

    def __init__(
        self,
        run: RunFolder,
        checkpoint: TrainingCheckpoint,
        recipe: Recipe,
        unigram_loss: float,
        scalars: RunScalars | None = None,
        losses: BatchLosses = losses_of_bert,
    ):
        self._run = run
        self._checkpoint = checkpoint
        self._recipe = recipe
        self._unigram_loss = unigram_loss
        self._scalars = scalars
        self._losses = losses
        self._facts: Mapping = {}
        self._paced_from: tuple[int, float] | None = None
        self._reset()

    def __enter__(self) -> TrainingProgress:
        step, train = self._checkpoint.steps_done, self._recipe.train
        self._facts = self._run.run_facts()
        self._announce(step)
        is_terminal = sys.stderr.isatty()
        self._bar = tqdm.tqdm(
            total=train.num_train_steps,
            initial=step,
            desc=f"pretrain {self._recipe.optimizer.name}",
            bar_format=_BAR,
            # A log file gets a line every half minute, a terminal one that is drawn again.
            file=sys.stderr if is_terminal else _Lines(sys.stderr),
            mininterval=0.5 if is_terminal else 30,
            dynamic_ncols=is_terminal,
        )
        return self

    def _announce(self, step: int) -> None:
        facts, batch = self._facts, self._recipe.train.global_batch_size
        print(
            f"pretrain: {facts['parameters']:,} parameters, {facts['optimizer']}, on "
            f"{', '.join(facts['devices'])}; batch {batch} = {facts['replicas']} x "
            f"{batch // facts['replicas']} sequences; unigram plateau {self._unigram_loss:.4f} "
            f"nats; {facts['reads']}; to {self._run.path}",
            file=sys.stderr,
        )
        if peak := facts.get("peak_flops"):
            print(
                f"pretrain: peak of the devices {with_prefix(peak, 'flop/s')} "
                f"({facts['peak_origin']}); matrix products of a step "
                f"{with_prefix(facts['flops_per_step'], 'flop')}",
                file=sys.stderr,
            )
        if step:
            print(f"pretrain: continues at step {step:,}", file=sys.stderr)
        if facts["lengthened"] and (last := facts["lengthened"][-1])["at_step"] == step:
            print(lengthening_text(last), file=sys.stderr)

    def __exit__(self, *exception) -> None:
        self._bar.close()

    def trained(
        self, sums: np.ndarray, *, num_steps: int, seconds: float, waiting: float | None = None
    ) -> None:
        """Takes what `num_steps` steps gave.

        Args:
          sums: `[num_sums]`, their metric sums.
          num_steps: made since the last call.
          seconds: that they took.
          waiting: seconds of these spent waiting for input; None where nobody measures it.
        """
        step = self._checkpoint.steps_done
        self._checkpoint.seconds.assign_add(seconds)
        self._sums += sums
        self._num_steps += num_steps
        self._seconds += seconds
        if waiting is not None:
            self._waiting = (self._waiting or 0.0) + waiting
        # Of steps that were all skipped there is no loss.
        means = self._losses.means(self._sums) if self._sums.any() else {}
        speed = rates(
            self._sums,
            num_steps=self._num_steps,
            seconds=self._seconds,
            waiting=self._waiting,
            facts=self._facts,
            names=self._losses.METRIC_SUMS,
        )
        shown = [form.format(means[key]) for key, form in _BAR_FIGURES.items() if key in means]
        shown += [rates_text(speed), f"{self._time_left(step)} left"]
        self._bar.set_postfix_str(", ".join(shown), refresh=False)
        self._bar.update(num_steps)
        if step % self._recipe.train.log_every_steps == 0:
            skipped = self._checkpoint.skipped_steps
            self._log("train", {**means, **speed, "skipped_steps": skipped})
            self._reset()

    def _time_left(self, step: int) -> str:
        """By the pace since the first loop, which compiles; evaluations and checkpoints count."""
        now = time.perf_counter()
        if self._paced_from is None:
            self._paced_from = (step, now)
            return "?"
        first_step, began = self._paced_from
        steps_left = self._recipe.train.num_train_steps - step
        return tqdm.tqdm.format_interval(steps_left * (now - began) / (step - first_step))

    def evaluated(self, means: Mapping[str, float]) -> None:
        """Logs held-out means and prints them in one line."""
        self._log("heldout", means)
        self._bar.clear()
        text = heldout_text({**means, "unigram_loss": self._unigram_loss})
        print(
            f"step {self._checkpoint.steps_done:>7,}  held-out: {text}", file=sys.stderr, flush=True
        )

    def went_back(self) -> None:
        """Starts anew at the step to which the checkpoint was rolled back."""
        self._reset()
        self._paced_from = None
        self._bar.reset(total=self._recipe.train.num_train_steps)
        self._bar.update(self._checkpoint.steps_done)

    def _log(self, split: str, figures: Mapping[str, float]) -> None:
        step = self._checkpoint.steps_done
        row = {
            "step": step,
            "split": split,
            "seconds": round(float(self._checkpoint.seconds), 3),
            "rows": step * self._recipe.train.global_batch_size,
        }
        self._run.append_metrics({**row, **figures})
        if self._scalars is not None:
            self._scalars.write(split, figures, step)

    def _reset(self) -> None:
        self._sums = np.zeros(len(self._losses.METRIC_SUMS))
        self._num_steps = 0
        self._seconds = 0.0
        self._waiting: float | None = None
