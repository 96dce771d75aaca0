"""Rates and horizons by the role of a variable, for the optimizers Mnemosyne is compared with.

So a comparison can tell what they are worth to each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from mnemosyne_tf.adam_direction import of_horizon
from mnemosyne_tf.parameter_roles import HORIZON_ENTRIES, RATE_ENTRIES, find_role


def checked_rates(role_rates: Mapping[str, float] | None) -> dict[str, float]:
    """Returns the rates by role, each a factor on the rate of the optimizer.

    Raises:
        ValueError: a role has no rate, or a rate is below 0.
    """
    return _checked(role_rates, RATE_ENTRIES, 0.0, "rates", "role_rates")


def checked_horizons(role_horizons: Mapping[str, float] | None) -> dict[str, float]:
    """Returns how many times further back the averages of each role reach.

    Raises:
        ValueError: a role has no horizon, or a horizon is below 1.
    """
    return _checked(role_horizons, HORIZON_ENTRIES, 1.0, "horizons", "role_horizons")


def _checked(given, entries, smallest, what, argument) -> dict[str, float]:
    numbers = dict(given or {})
    for role, number in numbers.items():
        if role not in entries or number < smallest:
            raise ValueError(
                f"Expected {what} of at least {smallest:g} by roles among "
                f"{', '.join(map(repr, entries))} in {argument}, received {number} for {role!r}."
            )
    return numbers


class ByRole:
    """Mixin of a Keras Adam: rates, for the step and its decay, and horizons follow the role.

    Args:
        role_rates, role_horizons: by role, as `Mnemosyne` has them: `{"position table": 4.0}`.
        **kwargs: those of the optimizer.
    """

    def __init__(
        self,
        *args,
        role_rates: Mapping[str, float] | None = None,
        role_horizons: Mapping[str, float] | None = None,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self._role_rates = self._no_dependency(checked_rates(role_rates))
        self._role_horizons = self._no_dependency(checked_horizons(role_horizons))

    def rate_of(self, variable: tf.Variable) -> float:
        """The factor on the rate of a variable."""
        return self._role_rates.get(find_role(variable.name, variable.shape).role, 1.0)

    def betas_of(self, variable: tf.Variable) -> tuple[float, float]:
        """`beta_1` and `beta_2` of a variable."""
        horizon = self._role_horizons.get(find_role(variable.name, variable.shape).role, 1.0)
        return of_horizon(self.beta_1, horizon), of_horizon(self.beta_2, horizon)

    def update_step(self, gradient, variable):
        """Updates one variable as the optimizer does, as its role says."""
        move, built_in = super().update_step, (self.beta_1, self.beta_2)
        # Keras's rules read one pair for all variables.
        self.beta_1, self.beta_2 = self.betas_of(variable)
        try:
            self._at_its_rate(variable, lambda: move(gradient, variable))
        finally:
            self.beta_1, self.beta_2 = built_in

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
        by_role = {"role_rates": self._role_rates, "role_horizons": self._role_horizons}
        return super().get_config() | {name: dict(each) for name, each in by_role.items()}
