"""`mnemosyne bench optimizer`: what an update costs, and where optimizers end on the same task."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
from collections.abc import Sequence
from typing import Any

from pipeline.benchmarks import race, tpu_aot

_SIZES = ("tiny", "mini", "small", "medium", "base", "large")
_TOKENS, _SEQ_LEN, _PREDICTIONS = 8_192, 128, 20
_EPILOG = """example:
  mnemosyne bench optimizer --cost
  mnemosyne bench optimizer --cost --sizes tiny mini base --output cost.json
  mnemosyne bench optimizer --suite vision --fashion_mnist DIR --plot race.png --output race.json
  mnemosyne bench optimizer --tpu_aot --tpu v4 --sizes tiny base

--suite: every optimizer trains every task from every seed, rivals at six rates with warm-up and
linear decay, of which the best by held-out loss counts; Mnemosyne has none to set. "mnemosyne()"
is not even told the number of steps. Finished runs are kept in --runs and never run again.

--tpu_aot: one step of 16 x 128 tokens, all parts of the optimizer in it, is compiled for a TPU that
need not be there; nothing runs. Needs the extra: pip install 'mnemosyne-bert[tpu]'.

--cost: all times are CPU seconds of one process, the median of --repeats updates taken by turns.
Run it under `taskset -c 0` for one core. "trained heads" are random ones, which cost what trained
ones would; with the shipped heads of zeros encoder and memory are left out. Of larger sizes ask for
few --variants: "trained heads" compile for half a minute, and coordinate-wise state is 274 floats a
weight (left out where it exceeds --max_state_gb). Variants: default; no orthogonalisation; trained
heads; trained heads, no orthogonalisation; trained heads, no memory; trained heads, performer;
trained heads, coordinate-wise. The share of a BERT-base step comes from timing one variable of each
kind and from the floating-point operations of the step at the measured rate of matrix products; no
whole step is run.
"""


def build_parser() -> argparse.ArgumentParser:
    """The flags of the suite."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench optimizer",
        description="Measure the optimizer's updates.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--cost", action="store_true", help="time, memory and state of an update")
    what.add_argument("--suite", choices=race.SUITES, help="race all optimizers on these tasks")
    what.add_argument("--tpu_aot", action="store_true", help="compile a training step for a TPU")
    add("--sizes", nargs="+", choices=_SIZES, default=["tiny"], help="of BERT (tiny)")
    add(
        "--variants",
        nargs="+",
        metavar="NAME",
        help="of those that the table names (all but performer)",
    )
    add("--repeats", type=int, default=5, help="updates behind each median (%(default)s)")
    add("--max_state_gb", type=float, default=2, help="leave out larger states (%(default)s)")
    add("--no_share", action="store_true", help="leave out the share of a BERT-base step")
    race.add_flags(parser)
    tpu_aot.add_flags(parser)
    add("--output", metavar="FILE.json", help="also write all figures here")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the tables, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense.
    """
    args = build_parser().parse_args(argv)
    if args.suite:
        return race.main(args)
    if args.tpu_aot:
        return tpu_aot.main(args)
    if args.repeats < 1:
        raise ValueError(f"--repeats: expected at least 1, received {args.repeats}.")
    # After the flags: --help must not wait for TensorFlow.
    import tensorflow as tf

    from pipeline.benchmarks import optimizer_cost as cost
    from pipeline.benchmarks import optimizer_shapes as shapes

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
        fitting = [
            name
            for name in names
            if 4e-9 * shapes.state_floats(variables, cost.structure_of(name)) <= args.max_state_gb
        ]
        measured = cost.measure(variables, fitting, repeats=args.repeats)
        for name, figures in measured.items():
            figures["floor_seconds"] = _floor(name, variables, peaks)
        results["sizes"][size] = {"weights": shapes.num_weights(variables), "updates": measured}
        print(_table(size, results["sizes"][size], left_out=set(names) - set(fitting)))
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
        _save(args.output, results, settings=vars(args))
    print(_last_line(results))
    return 0


def _floor(name, variables, peaks) -> float:
    from pipeline.benchmarks import optimizer_cost as cost
    from pipeline.benchmarks import optimizer_shapes as shapes

    seconds = cost.FLOOR_BYTES * shapes.num_weights(variables) / peaks["bytes_per_second"]
    if name != cost.ADAMW and cost.VARIANTS[name][1]:
        seconds += shapes.newton_schulz_flops(variables) / peaks["matmul_flops_per_second"]
    return seconds


def _computed_state() -> dict[str, dict[str, float]]:
    from mnemosyne_tf import Structure
    from pipeline.benchmarks import optimizer_shapes as shapes

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
    from pipeline.benchmarks import optimizer_cost as cost
    from pipeline.benchmarks import optimizer_shapes as shapes

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


def _table(size: str, results: dict[str, Any], *, left_out: set[str]) -> str:
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
    lines += [f"  {name:<38}left out: state too large" for name in sorted(left_out)]
    return "\n".join(lines)


def _last_line(results: dict[str, Any]) -> str:
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


def _save(path: str, results: dict[str, Any], **about: Any) -> None:
    versions = {name: importlib.metadata.version(name) for name in ("tensorflow", "numpy")}
    content = {"suite": "optimizer", **about, "versions": versions, **results}
    content["versions"]["python"] = platform.python_version()
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
