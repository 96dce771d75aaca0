"""Rates by the role of a variable, for the optimizers that Mnemosyne is compared with.

So a comparison can tell what a table of such rates is worth to each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from mnemosyne_tf.parameter_roles import RATE_ENTRIES, find_role


def checked_rates(role_rates: Mapping[str, float] | None) -> dict[str, float]:
    """Returns the rates by role, each a factor on the rate of the optimizer.

    Raises:
        ValueError: a role has no rate, or a rate is below 0.
    """
    rates = dict(role_rates or {})
    for role, rate in rates.items():
        if role not in RATE_ENTRIES or rate < 0:
            raise ValueError(
                f"Expected rates of at least 0 by roles among {', '.join(map(repr, RATE_ENTRIES))} "
                f"in role_rates, received {rate} for {role!r}."
            )
    return rates


class RatesByRole:
    """Mixin of a Keras optimizer: a step and its weight decay are multiplied by the role's rate.

    Args:
        role_rates: by role, as `Mnemosyne` has them: `{"position table": 4.0}`.
        **kwargs: those of the optimizer.
    """

    def __init__(self, *args, role_rates: Mapping[str, float] | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self._role_rates = self._no_dependency(checked_rates(role_rates))

    def rate_of(self, variable: tf.Variable) -> float:
        """The factor on the rate of a variable."""
        return self._role_rates.get(find_role(variable.name, variable.shape).role, 1.0)

    def update_step(self, gradient, variable):
        """Updates one variable as the optimizer does, at the rate of its role."""
        move = super().update_step
        self._at_its_rate(variable, lambda: move(gradient, variable))

    def _decay(self, variable):
        decay = super()._decay
        self._at_its_rate(variable, lambda: decay(variable))

    def _at_its_rate(self, variable: tf.Variable, move: Callable[[], None]) -> None:
        rate = self.rate_of(variable)
        # Keras's rules read one rate for all variables, so the step is scaled when it is made.
        before = None if rate == 1.0 else tf.identity(variable)
        move()
        if before is not None:
            variable.assign(before + rate * (variable - before))

    def get_config(self):
        """JSON-serialisable arguments."""
        return super().get_config() | {"role_rates": dict(self._role_rates)}
