"""The stages of a gradient meta-training: imitation, then runs that get longer and longer."""

from __future__ import annotations

import dataclasses

from pipeline.lab.meta_training.backprop.meta_adam import decaying_rate
from pipeline.lab.meta_training.backprop.settings import LearnedRecipe


@dataclasses.dataclass(frozen=True)
class Stage:
    """Some meta-steps with runs of one length.

    Attributes:
        is_imitation: whether the nominal rule's steps are imitated; else losses are lowered.
        run_length: inner steps after which a run is reset.
        first, end: its meta-steps, from `first` to below `end`.
    """

    is_imitation: bool
    run_length: int
    first: int
    end: int

    @property
    def name(self) -> str:
        """For logs."""
        return "imitation" if self.is_imitation else f"runs of {self.run_length}"

    def is_reset(self, run: int, meta_step: int, recipe: LearnedRecipe) -> bool:
        """Whether a run starts from scratch before this meta-step.

        Runs are reset one after the other, at equal distances, so that every meta-step has all
        phases of a run. Where a stage begins, all are, so the first run of all but one is cut
        short.
        """
        num_unrolls = self.run_length // recipe.unroll_length
        phase = run * num_unrolls // recipe.runs_at_once
        return meta_step == self.first or (meta_step - self.first + phase) % num_unrolls == 0


def stages(recipe: LearnedRecipe) -> list[Stage]:
    """All stages of a recipe, in their order; imitation has runs of the first length.

    A stage has meta-steps in proportion to the length of its runs, so each has equally many runs to
    their end.
    """
    lengths = recipe.lengths()
    ends = [
        recipe.imitation_steps + recipe.meta_steps * sum(lengths[:i]) // sum(lengths)
        for i in range(len(lengths) + 1)
    ]
    return [
        Stage(is_imitation=True, run_length=lengths[0], first=0, end=ends[0]),
        *(
            Stage(is_imitation=False, run_length=length, first=first, end=end)
            for length, first, end in zip(lengths, ends[:-1], ends[1:], strict=True)
        ),
    ]


def meta_rate(recipe: LearnedRecipe, meta_step: int) -> float:
    """Adam's rate at a meta-step, counted from 0: it falls in imitation, then in the rest."""
    since = meta_step - recipe.imitation_steps
    if since < 0:
        rates = recipe.imitation_rate, recipe.meta_rate
        return decaying_rate(meta_step, recipe.imitation_steps, *rates)
    return decaying_rate(since, recipe.meta_steps, recipe.meta_rate, recipe.final_meta_rate)
