"""What makes the orthogonalisation cheaper: settings of the rule, their operations and seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from mnemosyne_tf.newton_schulz import MIN_WIDE_RATIO, is_halved, parts
from mnemosyne_tf.variable_plan import plan_variable
from models import BertConfig
from pipeline.lab.cost import shapes, timing
from pipeline.lab.cost.shapes import Variables
from pipeline.lab.cost.timing import LEVERS

TOKENS = (8_192, 32_768, 131_072)
_SEQ_LEN, _PREDICTIONS = 128, 20
_HEADERS = ("setting", "TFLOP", "update s", *(f"fraction at {tokens:,}" for tokens in TOKENS))


def measure(peaks: Mapping[str, float], *, repeats: int) -> dict[str, dict[str, Any]]:
    """The update of BERT-base with each of `LEVERS`, and its fraction of a training step.

    Args:
        peaks: of `timing.machine`.
        repeats: updates behind each median.

    Returns:
        Figures by lever: `settings`, `teraflops` of all products, `update_seconds`, and `shares`,
        the update as a fraction of forward and backward pass, by tokens of the step.
    """
    variables = shapes.bert("base")
    seconds = timing.seconds_of_levers(variables, repeats=repeats)
    steps = {
        tokens: shapes.training_step_flops(
            variables,
            BertConfig.named("base", vocab_size=shapes.VOCAB_SIZE),
            tokens=tokens,
            seq_len=_SEQ_LEN,
            predictions=_PREDICTIONS,
        )
        / peaks["matmul_flops_per_second"]
        for tokens in TOKENS
    }
    return {
        name: {
            "settings": settings,
            "teraflops": 1e-12 * products_flops(variables, **settings),
            "update_seconds": seconds[name],
            "shares": {tokens: seconds[name] / steps[tokens] for tokens in TOKENS},
        }
        for name, settings in LEVERS.items()
    }


def to_text(measured: Mapping[str, Mapping[str, Any]]) -> str:
    """A table of what `measure` returned."""
    rows = [
        (
            name,
            f"{figures['teraflops']:.2f}",
            f"{figures['update_seconds']:.2f}",
            *(f"{share:.1%}" for share in figures["shares"].values()),
        )
        for name, figures in measured.items()
    ]
    align = ("left", *["right"] * (len(_HEADERS) - 1))
    table = tabulate(rows, _HEADERS, "plain", disable_numparse=True, colalign=align)
    return f"BERT-base, update / step, the step computed\n{table}"


def products_flops(
    variables: Variables,
    *,
    newton_schulz_iterations: int = 5,
    newton_schulz_wide_iterations: int | None = 3,
    newton_schulz_coefficients: str | None = None,
    attention_block: int | None = 64,
) -> int:
    """Floating-point operations of the products of all orthogonalisations, as they are built.

    Args:
        variables: of a model.
        newton_schulz_iterations, newton_schulz_wide_iterations, attention_block: of `RuleSettings`.
        newton_schulz_coefficients: any; all cost the same.
    """
    total = 0
    for name, shape in variables:
        plan = plan_variable(
            name=name,
            shape=shape,
            chunk_size=1024,
            decayed=True,
            orthogonalise=True,
            attention_block=attention_block,
        )
        if plan.matrix_shape is None:
            continue
        of_rows, of_cols = plan.blocks
        rows, cols = plan.matrix_shape[0] // of_rows, plan.matrix_shape[1] // of_cols
        small, large = sorted((rows, cols))
        if large >= MIN_WIDE_RATIO * small:
            count = newton_schulz_iterations
            if plan.blocks == (1, 1):
                count = newton_schulz_wide_iterations or count
            flops = _wide_flops(small, large, count)
        else:
            flops = newton_schulz_iterations * _plain_flops(small, large)
        total += of_rows * of_cols * flops
    return total


def _plain_flops(small: int, large: int) -> int:
    """Of an iteration of `newton_schulz._iterate`: A, its square, and P X."""
    return symmetric_flops(small, large) + symmetric_flops(small, small) + 2 * small**2 * large


def _wide_flops(small: int, large: int, iterations: int) -> int:
    """Of `newton_schulz._iterate_wide`: A and P X once a part, squares of A, P P and P A P."""
    total = 0
    for steps in map(len, parts(range(iterations))):
        total += symmetric_flops(small, large) + 2 * small**2 * large
        total += symmetric_flops(small, small) * (steps + 3 * (steps - 1))
    return total


def symmetric_flops(rows: int, cols: int) -> int:
    """Of `newton_schulz.symmetric_product` of two `[rows, cols]`: three quarters where halved."""
    flops = 2 * rows**2 * cols
    return flops * 3 // 4 if is_halved(rows) else flops
