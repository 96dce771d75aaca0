"""`mnemosyne bench optimizer --cost`: time, memory and state of updates, beside a fused AdamW."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.lab import figures_file

_TOKENS, _SEQ_LEN, _PREDICTIONS = 8_192, 128, 20


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the measurement, but for --cost, which asks for it, and --sizes."""
    add = parser.add_argument
    add(
        "--variants",
        nargs="+",
        metavar="NAME",
        help="of those that the table names (all but performer)",
    )
    add("--repeats", type=int, default=5, help="updates behind each median (%(default)s)")
    add("--max_minutes", type=float, default=5, help="of a size, at peak rate (%(default)s)")
    add("--max_gb", type=float, default=12, help="of a size, all of it together (%(default)s)")
    add("--max_state_gb", type=float, default=2, help="of one variant's state (%(default)s)")
    add("--no_share", action="store_true", help="leave out the share of a BERT-base step")


def main(args: argparse.Namespace) -> int:
    """Prints the tables, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense.
    """
    if args.repeats < 1:
        raise ValueError(f"--repeats: expected at least 1, received {args.repeats}.")
    # After the flags: --help must not wait for TensorFlow.
    import tensorflow as tf

    from pipeline.lab.cost import shapes as shapes
    from pipeline.lab.cost import timing as cost

    tf.get_logger().setLevel("ERROR")  # It takes many small functions for one that is retraced.
    names = args.variants or list(cost.MEASURED)
    if unknown := set(names) - set(cost.VARIANTS):
        raise ValueError(
            f"--variants: expected some of {', '.join(cost.VARIANTS)}; received "
            f"{', '.join(sorted(unknown))}."
        )
    peaks = cost.machine(repeats=args.repeats)
    print(
        f"one core moves {peaks['bytes_per_second'] / 1e9:.1f} GB/s and multiplies "
        f"{peaks['matmul_flops_per_second'] / 1e9:.0f} GFLOP/s"
    )
    results: dict[str, Any] = {"machine": peaks, "sizes": {}}
    for size in args.sizes:
        variables = shapes.bert(size)
        fitting, left_out = _within_limits(names, variables, peaks, args)
        measured = cost.measure(variables, fitting, repeats=args.repeats)
        for name, figures in measured.items():
            figures["floor_seconds"] = _floor(name, variables, peaks)
        found = {
            "weights": shapes.num_weights(variables), "updates": measured, "left_out": left_out
        }  # fmt: skip
        results["sizes"][size] = found
        print(_table(size, found), flush=True)
    results["computed_state"] = _computed_state()
    for name, state in results["computed_state"].items():
        print(
            f"{name}: {state['weights']:,} weights, computed state {state['gigabytes']:.3f} GB, "
            f"{state['floats_per_weight']:.3f} floats a weight"
        )
    if not args.no_share:
        results["share"] = _share(peaks, repeats=args.repeats)
        print(
            "BERT-base by kinds of variables: update {update_seconds:.2f} s, without "
            "orthogonalisation {elementwise_seconds:.2f} s ({elementwise_times_adamw:.2f} times "
            "fused AdamW's {adamw_seconds:.2f} s); a step of 8,192 tokens at the rate of products "
            "{step_seconds:.1f} s (computed)".format(**results["share"])
        )
    if args.output:
        content = {"suite": "optimizer", "settings": vars(args)} | results
        figures_file.save(args.output, content, versions_of=("tensorflow", "numpy"))
    print(_last_line(results))
    return 0


def _within_limits(
    names: Sequence[str], variables, peaks: Mapping[str, float], args: argparse.Namespace
) -> tuple[list[str], dict[str, str]]:
    """The variants that fit, each beside those before it, and why the others do not."""
    from pipeline.lab.cost import shapes as shapes
    from pipeline.lab.cost import timing as cost

    # Weights and gradients, then AdamW's two moments; every contestant keeps its state throughout.
    gigabytes = 4e-9 * 4 * shapes.num_weights(variables)
    minutes, fitting, left_out = 0.0, [], {}
    for name in names:
        state = 4e-9 * shapes.state_floats(variables, cost.kept_structure(name))
        least = _floor(name, variables, peaks) * (args.repeats + 1) / 60
        if state > args.max_state_gb:
            left_out[name] = f"state of {state:.1f} GB, more than --max_state_gb"
        elif gigabytes + state > args.max_gb:
            left_out[name] = f"{gigabytes + state:.1f} GB with the others, more than --max_gb"
        elif minutes + least > args.max_minutes:
            left_out[name] = (
                f"{args.repeats + 1} updates take {least:.1f} minutes at least, "
                f"{minutes + least:.1f} with the others, more than --max_minutes"
            )
        else:
            gigabytes, minutes = gigabytes + state, minutes + least
            fitting.append(name)
    return fitting, left_out


def _floor(name: str, variables, peaks: Mapping[str, float]) -> float:
    from pipeline.lab.cost import shapes as shapes
    from pipeline.lab.cost import timing as cost

    seconds = cost.FLOOR_BYTES * shapes.num_weights(variables) / peaks["bytes_per_second"]
    if name != cost.ADAMW and cost.VARIANTS[name][1]:
        seconds += shapes.newton_schulz_flops(variables) / peaks["matmul_flops_per_second"]
    return seconds


def _computed_state() -> dict[str, dict[str, float]]:
    from mnemosyne_tf import Structure
    from pipeline.lab.cost import shapes as shapes

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


def _share(peaks, *, repeats: int) -> dict[str, float]:
    from models import BertConfig
    from pipeline.lab.cost import shapes as shapes
    from pipeline.lab.cost import timing as cost

    variables = shapes.bert("base")
    step = shapes.training_step_flops(
        variables,
        BertConfig.named("base", vocab_size=shapes.VOCAB_SIZE),
        tokens=_TOKENS,
        seq_len=_SEQ_LEN,
        predictions=_PREDICTIONS,
    )
    seconds = cost.measure_by_kind(variables, repeats=repeats)
    step_seconds = step / peaks["matmul_flops_per_second"]
    return {
        "adamw_seconds": seconds[cost.ADAMW],
        "update_seconds": seconds["default"],
        "elementwise_seconds": seconds["no orthogonalisation"],
        "elementwise_times_adamw": seconds["no orthogonalisation"] / seconds[cost.ADAMW],
        "step_seconds": step_seconds,
        "share": seconds["default"] / step_seconds,
        "share_of_flops": shapes.newton_schulz_flops(variables) / step,
    }


def _table(size: str, results: Mapping[str, Any]) -> str:
    lines = [
        f"BERT-{size}, {results['weights']:,} weights{'':<6}"
        "compile s  update ms  times AdamW  floor ms  floats a weight  peak MB"
    ]
    for name, each in results["updates"].items():
        lines.append(
            f"  {name:<38}{each['compile_seconds']:>8.1f}{1e3 * each['update_seconds']:>11.1f}"
            f"{each['times_adamw']:>13.2f}{1e3 * each['floor_seconds']:>10.1f}"
            f"{each['state_floats_per_weight']:>17.2f}{each['peak_mb']:>9.0f}"
        )
    lines += [f"  {name:<38}left out: {why}" for name, why in results["left_out"].items()]
    return "\n".join(lines)


def _last_line(results: Mapping[str, Any]) -> str:
    said = []
    for size, measured in results["sizes"].items():
        times = [
            f"{name} {each['times_adamw']:.1f}x"
            for name, each in measured["updates"].items()
            if name in ("default", "no orthogonalisation")
        ]
        said.append(f"BERT-{size}: " + (", ".join(times) or "measured"))
    if "share" in results:
        said.append(f"{results['share']['share']:.0%} of a BERT-base step of 8,192 tokens")
    return "updates beside fused AdamW, " + "; ".join(said)
