"""The numbers of the nominal rule: rates, decays and schedule before anything is learned; and
what a fine-tuning has instead of some of them.

They are meta-parameters, the entries `rule/...` of every set.
"""

from typing import Any

from mnemosyne_tf.parameter_roles import (
    BIAS,
    FEED_FORWARD_IN,
    FEED_FORWARD_OUT,
    HORIZON_ENTRIES,
    NORM,
    POSITION_TABLE,
    RATE_ENTRIES,
    TABLES,
)

# The latest start of the decay, as a fraction of the run: some of it is always left for the decay.
LATEST_DECAY_START = 0.95
# Name: (untrained value, smallest, largest). The bounds keep every update bounded.
NOMINAL_RULE = {
    "rule/matrix_rate": (12e-3, 0.0, 1.0),
    "rule/elementwise_rate": (4e-3, 0.0, 1.0),
    "rule/momentum_decay": (0.9, 0.0, 0.9999),
    "rule/second_moment_decay": (0.95, 0.0, 0.9999),
    "rule/warmup_fraction": (0.03, 0.0, 0.9),
    "rule/decay_start": (0.0, 0.0, LATEST_DECAY_START),
    # Below 1 rates stay high for longer and fall faster at the end.
    "rule/decay_power": (0.5, 0.05, 4.0),
    "rule/warmup_steps": (100.0, 1.0, 1e6),
    "rule/batch_exponent": (0.0, -2.0, 2.0),
    "rule/length_exponent": (-0.08, -2.0, 2.0),
    "rule/decay_delay": (0.0, -1.0, 1.0),
    # The power of the growth of the word table with which a position table grows.
    "rule/position_growth": (1.0, 0.0, 4.0),
    **dict.fromkeys(RATE_ENTRIES.values(), (1.0, 0.0, 64.0)),
    **dict.fromkeys(HORIZON_ENTRIES.values(), (1.0, 1.0, 64.0)),
    # Positions get a dense, noisy gradient that points the same way for a long time.
    HORIZON_ENTRIES[POSITION_TABLE]: (10.0, 1.0, 64.0),
    RATE_ENTRIES[FEED_FORWARD_IN]: (0.5, 0.0, 64.0),
    RATE_ENTRIES[FEED_FORWARD_OUT]: (0.5, 0.0, 64.0),
}
# Of the entries above, those by which rates and schedule follow the run, and the value with which
# they change nothing.
NEUTRAL_ENTRIES = {"rule/batch_exponent": 0.0, "rule/length_exponent": 0.0, "rule/decay_delay": 0.0}
# The power with which a decay is linear.
LINEAR_DECAY = {"rule/decay_power": 1.0}
# And those by which rates, horizons and sizes follow the role of a variable.
NEUTRAL_ROLES = {
    **dict.fromkeys((*RATE_ENTRIES.values(), *HORIZON_ENTRIES.values()), 1.0),
    "rule/position_growth": 0.0,
}

# For weights of an earlier training: what is moved element by element has found its scale there,
# and a few steps at the rates of a training from random weights lose it. Matrices have the built-in
# rate: an orthogonalised step is as small in one direction as in all others. The elementwise rate,
# whole kernels and a linear decay are those with which it was measured. See docs/mnemosyne.md.
FINE_TUNING: dict[str, Any] = {
    "role_rates": {
        **dict.fromkeys((*TABLES, NORM, BIAS), 0.1),
        **dict.fromkeys((FEED_FORWARD_IN, FEED_FORWARD_OUT), 1.0),
    },
    "role_horizons": {POSITION_TABLE: 1.0},
    "rule": {"elementwise_rate": 8e-3, "decay_power": 1.0, "position_growth": 0.0},
    "attention_block": None,
    "newton_schulz_wide_iterations": None,
}
