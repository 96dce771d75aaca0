"""How fast a run trains: metric sums and seconds to rates, for its log and its progress line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tqdm

from models import losses


def rates(
    sums: Sequence[float],
    *,
    num_steps: int,
    seconds: float,
    waiting: float | None = None,
    facts: Mapping = {},  # noqa: B006  (only read)
    names: Sequence[str] = losses.METRIC_SUMS,
) -> dict[str, float]:
    """Returns the rates of some steps by name; what is not known is left out.

    Args:
      sums: `[num_sums]`, the metric sums added over the steps.
      num_steps: how many they are.
      seconds: that they took.
      waiting: seconds of these in which the devices waited for input.
      facts: `flops_per_step` and `peak_flops` of `run.json`.
      names: of the sums, `tokens` and `sequences` among them.

    Returns:
      `sequences_per_second`, `tokens_per_second` and `tokens_per_step` without padding,
      `fraction_of_peak` (operations of the model over those that the devices could have made) and
      `fraction_waiting`.
    """
    named = dict(zip(names, sums, strict=True))
    found = {
        "sequences_per_second": named["sequences"] / seconds,
        "tokens_per_second": named["tokens"] / seconds,
        "tokens_per_step": named["tokens"] / num_steps,
    }
    if peak := facts.get("peak_flops"):
        found["fraction_of_peak"] = facts["flops_per_step"] * num_steps / seconds / peak
    if waiting is not None:
        found["fraction_waiting"] = waiting / seconds
    return {name: float(value) for name, value in found.items()}


def with_prefix(value: float, unit: str) -> str:
    """97.1 Gflop/s."""
    text = tqdm.tqdm.format_sizeof(value)
    return f"{text} {unit}" if text[-1].isdigit() else f"{text[:-1]} {text[-1]}{unit}"


def rates_text(found: Mapping[str, float]) -> str:
    """380 seq/s, 24.1k tok/s, 46% of peak, waiting 0.4%."""
    parts = [
        f"{tqdm.tqdm.format_sizeof(found['sequences_per_second'])} seq/s",
        f"{tqdm.tqdm.format_sizeof(found['tokens_per_second'])} tok/s",
    ]
    if "fraction_of_peak" in found:
        parts.append(f"{found['fraction_of_peak']:.0%} of peak")
    if "fraction_waiting" in found:
        parts.append(f"waiting {found['fraction_waiting']:.1%}")
    return ", ".join(parts)
