"""What the user of the optimizer may choose about the update, and the scales of matrix steps."""

import dataclasses

from mnemosyne_tf.newton_schulz import COEFFICIENT_SETS

MATRIX_SCALES = ("spectral", "rms")
NEWTON_SCHULZ_DTYPES = ("float32", "bfloat16")


@dataclasses.dataclass(frozen=True)
class RuleSettings:
    """What the user of the optimizer may choose.

    Attributes:
        total_steps: steps of the run, None when unknown; a float32 tensor `[]` in a program of runs
            that differ in it.
        labels_per_step: labels in the loss of one step of it, None when unknown (`step_size`).
        weight_decay: fraction of a weight taken per unit of scheduled rate.
        size_scaling: whether the built-in rates follow the size of the model (`step_size`).
        nesterov: whether the nominal direction is one gradient ahead.
        matrix_scale: "spectral" scales the orthogonalised direction by
            1.6 * sqrt(max(1, fan_out / fan_in)), "rms" by 0.2 * sqrt(max(fan_in, fan_out)).
        newton_schulz_iterations: iterations of the orthogonalisation.
        newton_schulz_coefficients: the name of a set of `newton_schulz.COEFFICIENT_SETS`; None for
            "jordan".
        newton_schulz_wide_iterations: iterations where one side of a whole kernel is at least
            twice the other; None: as many as elsewhere.
        attention_block: columns of a query, key or value kernel, and rows of an attention output,
            that are orthogonalised together, apart from the others: the width of one head or of
            several. None: the whole kernel, as where the side is no multiple of it.
        newton_schulz_dtype: "float32" or "bfloat16", in which it iterates. bfloat16 is for
            accelerators: half the memory and the full rate of products; on most CPUs it is slower.
    """

    total_steps: int | None = None
    labels_per_step: int | None = None
    weight_decay: float = 0.0
    size_scaling: bool = True
    nesterov: bool = True
    matrix_scale: str = "spectral"
    newton_schulz_iterations: int = 5
    newton_schulz_coefficients: str | None = None
    newton_schulz_wide_iterations: int | None = 3
    attention_block: int | None = 64
    newton_schulz_dtype: str = "float32"

    def __post_init__(self):
        if isinstance(self.total_steps, (int, float)) and self.total_steps < 1:
            raise ValueError(
                f"Expected total_steps of at least 1, received {self.total_steps}. Give the "
                "number of calls of apply_gradients in the run, or None when it is unknown."
            )
        if self.labels_per_step is not None and self.labels_per_step < 1:
            raise ValueError(
                f"Expected labels_per_step of at least 1, received {self.labels_per_step}. "
                "Give the number of labels in the loss of one step, or None when it is unknown."
            )
        if self.weight_decay < 0:
            raise ValueError(
                f"Expected weight_decay of at least 0, received {self.weight_decay}. Use 0 or "
                "None for none."
            )
        if self.matrix_scale not in MATRIX_SCALES:
            raise ValueError(
                f"Expected matrix_scale in {MATRIX_SCALES}, received {self.matrix_scale!r}."
            )
        if self.newton_schulz_dtype not in NEWTON_SCHULZ_DTYPES:
            raise ValueError(
                f"Expected newton_schulz_dtype in {NEWTON_SCHULZ_DTYPES}, received "
                f"{self.newton_schulz_dtype!r}."
            )
        if self.newton_schulz_coefficients not in (None, *COEFFICIENT_SETS):
            raise ValueError(
                f"Expected newton_schulz_coefficients in {tuple(COEFFICIENT_SETS)}, received "
                f"{self.newton_schulz_coefficients!r}."
            )
        counts = ("newton_schulz_iterations", "newton_schulz_wide_iterations", "attention_block")
        for name in counts:
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(
                    f"Expected {name} of at least 1, received {getattr(self, name)}. Use "
                    "orthogonalise=False to orthogonalise nothing."
                )


def matrix_scale(fan_in: int, fan_out: int, form: str) -> float:
    """Factor on an orthogonalised direction; the two forms agree on a 64 x 64 kernel."""
    if form == "spectral":
        return 1.6 * max(1.0, fan_out / fan_in) ** 0.5
    return 0.2 * max(fan_in, fan_out) ** 0.5
