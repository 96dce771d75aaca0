"""Which checkpoints of a run stay: the newest, the last, the best, one to go back to."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pipeline.run.checkpoints.files import SavedState


def best(states: Iterable[SavedState]) -> SavedState | None:
    """Returns the state of the lowest held-out loss, the earliest of equals; None without any."""
    evaluated = [
        state
        for state in states
        if state.heldout_loss is not None and math.isfinite(state.heldout_loss)
    ]
    return min(evaluated, key=lambda state: (state.heldout_loss, state.step), default=None)


def steps_to_keep(states: Iterable[SavedState], newest: int, window_steps: int = 0) -> set[int]:
    """Returns which finished checkpoints stay: `newest` scheduled ones, the last, the best.

    Args:
      states: of the finished checkpoints.
      newest: how many of the scheduled ones stay.
      window_steps: the scheduled one at or before the last multiple of so many steps stays, too, to
        go back to if the window since then turns out to be a spike; 0 for none.
    """
    by_step = sorted(states, key=lambda state: state.step, reverse=True)
    scheduled = [state for state in by_step if state.scheduled]
    kept = [*by_step[:1], *scheduled[:newest], *filter(None, [best(by_step)])]
    if window_steps and by_step:
        begin = by_step[0].step // window_steps * window_steps
        kept += [state for state in scheduled if state.step <= begin][:1]
    return {state.step for state in kept}
