"""The story of `mnemosyne bench cost`: time, memory and state of updates, next to a fused AdamW."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from tabulate import tabulate

from mnemosyne_tf import Structure
from models import BertConfig
from pipeline.lab import figures_file
from pipeline.lab.cost import levers, shapes, timing
from pipeline.lab.cost.limits import Limits, floor_seconds, within_limits

_TOKENS, _SEQ_LEN, _PREDICTIONS = 8_192, 128, 20
_HEADERS = (
    "variant",
    "compile s",
    "update ms",
    "times AdamW",
    "floor ms",
    "floats a weight",
    "peak MB",
)


def run(
    sizes: Sequence[str],
    *,
    variants: Sequence[str] = (),
    repeats: int = 5,
    limits: Limits | None = None,
    with_share: bool = True,
    with_levers: bool = False,
    output: str | None = None,
) -> None:
    """Prints the tables and writes the JSON.

    Args:
        sizes: of BERT, as of `BertConfig.named`.
        variants: keys of `timing.VARIANTS`; empty: `timing.MEASURED`.
        repeats: updates behind each median.
        limits: of each size.
        with_share: whether to measure the fraction of a BERT-base step, too.
        with_levers: whether to measure that with each of `timing.LEVERS`, too.
        output: JSON to write, or None.

    Raises:
        ValueError: a variant is unknown.
    """
    tf.get_logger().setLevel("ERROR")  # It takes many small functions for one that is retraced.
    names = list(variants or timing.MEASURED)
    timing.check_known(names)
    peaks = timing.machine(repeats=repeats)
    print(
        f"one core moves {peaks['bytes_per_second'] / 1e9:.1f} GB/s and multiplies "
        f"{peaks['matmul_flops_per_second'] / 1e9:.0f} GFLOP/s"
    )
    results: dict[str, Any] = {"machine": peaks, "sizes": {}}
    for size in sizes:
        found = _measure(size, names, peaks, repeats, limits or Limits())
        results["sizes"][size] = found
        print(_table(size, found), flush=True)
    results["computed_state"] = _computed_state()
    for name, state in results["computed_state"].items():
        print(
            f"{name}: {state['weights']:,} weights, computed state {state['gigabytes']:.3f} GB, "
            f"{state['floats_per_weight']:.3f} floats a weight"
        )
    if with_share:
        results["share"] = _share(peaks, repeats=repeats)
        print(_share_in_words(results["share"]))
    if with_levers:
        results["levers"] = levers.measure(peaks, repeats=repeats)
        print(levers.to_text(results["levers"]))
    if output:
        settings = {"sizes": list(sizes), "variants": names, "repeats": repeats}
        content = {"suite": "cost", "settings": settings} | results
        figures_file.save(output, content, versions_of=("tensorflow", "numpy"))
    print(_last_line(results))


def _measure(
    size: str, names: Sequence[str], peaks: Mapping[str, float], repeats: int, limits: Limits
) -> dict[str, Any]:
    variables = shapes.bert(size)
    fitting, left_out = within_limits(names, variables, peaks, repeats=repeats, limits=limits)
    measured = timing.measure(variables, fitting, repeats=repeats)
    for name, figures in measured.items():
        figures["floor_seconds"] = floor_seconds(name, variables, peaks)
    weights = shapes.num_weights(variables)
    return {"weights": weights, "updates": measured, "left_out": left_out}


def _computed_state() -> dict[str, dict[str, float]]:
    models = {
        "BERT-base": shapes.bert("base"),
        "ViT-H, 36 layers, 16 heads": shapes.vision_transformer(),
        "soft prompt of T5-XXL": shapes.soft_prompt(),
    }
    states = {}
    for name, variables in models.items():
        weights, floats = shapes.num_weights(variables), shapes.state_floats(variables, Structure())
        states[name] = {
            "weights": weights,
            "gigabytes": 4e-9 * floats,
            "floats_per_weight": floats / weights,
        }
    return states


def _share(peaks: Mapping[str, float], *, repeats: int) -> dict[str, float]:
    variables = shapes.bert("base")
    step = shapes.training_step_flops(
        variables,
        BertConfig.named("base", vocab_size=shapes.VOCAB_SIZE),
        tokens=_TOKENS,
        seq_len=_SEQ_LEN,
        predictions=_PREDICTIONS,
    )
    seconds = timing.measure_by_kind(variables, repeats=repeats)
    step_seconds = step / peaks["matmul_flops_per_second"]
    return {
        "adamw_seconds": seconds[timing.ADAMW],
        "update_seconds": seconds["default"],
        "elementwise_seconds": seconds["no orthogonalisation"],
        "elementwise_times_adamw": seconds["no orthogonalisation"] / seconds[timing.ADAMW],
        "step_seconds": step_seconds,
        "share": seconds["default"] / step_seconds,
        "share_of_flops": shapes.newton_schulz_flops(variables) / step,
    }


def _share_in_words(share: Mapping[str, float]) -> str:
    return (
        "BERT-base by kinds of variables: update {update_seconds:.2f} s, without "
        "orthogonalisation {elementwise_seconds:.2f} s ({elementwise_times_adamw:.2f} times "
        "fused AdamW's {adamw_seconds:.2f} s); a step of 8,192 tokens at the rate of products "
        "{step_seconds:.1f} s (computed)"
    ).format(**share)


def _table(size: str, results: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            f"{each['compile_seconds']:.1f}",
            f"{1e3 * each['update_seconds']:.1f}",
            f"{each['times_adamw']:.2f}",
            f"{1e3 * each['floor_seconds']:.1f}",
            f"{each['state_floats_per_weight']:.2f}",
            f"{each['peak_mb']:.0f}",
        )
        for name, each in results["updates"].items()
    ]
    align = ("left", *["right"] * (len(_HEADERS) - 1))
    table = tabulate(rows, _HEADERS, "plain", disable_numparse=True, colalign=align)
    left_out = [f"{name}: left out, {why}" for name, why in results["left_out"].items()]
    return "\n".join([f"BERT-{size}, {results['weights']:,} weights", table, *left_out])


def _last_line(results: Mapping[str, Any]) -> str:
    parts = []
    for size, measured in results["sizes"].items():
        times = [
            f"{name} {each['times_adamw']:.1f}x"
            for name, each in measured["updates"].items()
            if name in ("default", "no orthogonalisation")
        ]
        parts.append(f"BERT-{size}: " + (", ".join(times) or "measured"))
    if "share" in results:
        parts.append(f"{results['share']['share']:.0%} of a BERT-base step of 8,192 tokens")
    return "an update against a fused AdamW's, " + "; ".join(parts)
