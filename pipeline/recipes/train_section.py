"""The section `train` of a recipe: a frozen dataclass that checks itself."""

from __future__ import annotations

import dataclasses

STRATEGIES = ("one_device", "mirrored", "multi_worker", "tpu")
PRECISIONS = ("float32", "bfloat16", "float16")
_AT_LEAST_ONE = (
    "num_train_steps",
    "global_batch_size",
    "eval_every_steps",
    "num_eval_sequences",
    "checkpoint_every_steps",
    "log_every_steps",
    "steps_per_loop",
    "keep_checkpoints",
    "max_skipped_steps",
    "spike_window_steps",
)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Length of the training, its batch, and how often it logs, evaluates and saves.

    Steps are optimizer steps; batches are global, in rows: a row is a sequence, or with `packing`
    as many as fit.

    `initial_run` is the folder of a run whose weights this one begins with, such as that of a
    first phase on shorter records, or one of its checkpoints, `RUN/checkpoints/ckpt-STEP`; empty
    for random weights.

    `tensorboard` writes scalars into the folder `tensorboard` of the run, `log_step_sizes` among
    them how far each variable moves in the steps that are logged.

    `strategy` is one of `STRATEGIES`, see `pipeline.run.distribution.make_strategy`. What a device
    must hold is cut by `micro_batch_size`, the sequences that it handles at a time (0 for its part
    of the batch; the update is that of the whole batch all the same), by `recompute`, which keeps
    only the input of each transformer block for the backward pass and computes the rest again, and
    by `precision`, one of `PRECISIONS`, in which the layers compute; weights stay float32.

    `packing` puts short sequences, of all bins, into rows of `prepare.max_seq_length` tokens; each
    attends to itself alone. `initial_masked_lm_prob` is the fraction of the tokens to mask at the
    first step; from there it changes in a straight line to `prepare.masked_lm_prob` at the last
    step. None keeps that fraction throughout. It needs records that the trainer masks.

    `keep_checkpoints` of the newest stay, besides the last and the best. After `max_skipped_steps`
    one after the other, whose gradients were not finite, the run ends. `rollback_on_spike` is off
    at 0; 1.5 goes back to the checkpoint before, and skips the batches since, where the mean loss
    of `spike_window_steps` steps is more than 1.5 times that of the window before.
    """

    num_train_steps: int = 1_000_000
    global_batch_size: int = 256
    eval_every_steps: int = 1_000
    num_eval_sequences: int = 8_192
    checkpoint_every_steps: int = 1_000
    log_every_steps: int = 100
    steps_per_loop: int = 10
    random_seed: int = 0
    strategy: str = "mirrored"
    precision: str = "float32"
    micro_batch_size: int = 0
    recompute: bool = False
    initial_run: str = ""
    tensorboard: bool = True
    log_step_sizes: bool = False
    packing: bool = False
    initial_masked_lm_prob: float | None = None
    keep_checkpoints: int = 2
    max_skipped_steps: int = 10
    rollback_on_spike: float = 0.0
    spike_window_steps: int = 100

    def __post_init__(self) -> None:
        if not 0 <= (self.initial_masked_lm_prob or 0) <= 1:
            raise ValueError(
                "train.initial_masked_lm_prob must be from 0 to 1, or null; received "
                f"{self.initial_masked_lm_prob}."
            )
        for key in _AT_LEAST_ONE:
            value = getattr(self, key)
            if value < 1:
                raise ValueError(f"train.{key} must be at least 1, received {value}.")
        if self.micro_batch_size < 0:
            raise ValueError(
                "train.micro_batch_size must be at least 1, or 0 for all at once, received "
                f"{self.micro_batch_size}."
            )
        if self.strategy == "one":  # its name in recipes of earlier versions
            object.__setattr__(self, "strategy", "one_device")
        for key, known in (("strategy", STRATEGIES), ("precision", PRECISIONS)):
            if (value := getattr(self, key)) not in known:
                raise ValueError(
                    f"Unknown train.{key} '{value}'. Choose one of: {', '.join(known)}."
                )
        if self.log_step_sizes and not self.tensorboard:
            raise ValueError(
                "train.log_step_sizes writes for TensorBoard, received train.tensorboard=false. "
                "Leave one of them out."
            )
        if self.rollback_on_spike and self.rollback_on_spike <= 1:
            raise ValueError(
                "train.rollback_on_spike must be above 1, or 0 for never, received "
                f"{self.rollback_on_spike}."
            )
