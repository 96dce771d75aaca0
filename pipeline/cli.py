"""`mnemosyne <command>`: finds the command's module and runs it.

Nothing heavy is imported before a command is chosen, so `--help` answers at once. A
ValueError or OSError leaves with exit code 2 and one message (with MNEMOSYNE_TRACEBACK=1 with
its traceback too); anything else is a defect and keeps its traceback.
"""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections.abc import Sequence

from pipeline import tensorflow_startup
from pipeline.malloc import keep_freed_memory

COMMANDS = {
    "vocab": ("data_prep.learn_vocab", "learn a WordPiece vocabulary from a corpus"),
    "prepare": ("data_prep.create_pretraining_data", "turn a corpus into TFRecords"),
    "prepare-images": ("data_prep.prepare_images", "turn folders of images into TFRecords"),
    "inspect": ("pipeline.commands.inspect", "print decoded records and their statistics"),
    "pretrain": ("pipeline.commands.pretrain", "pre-train BERT from a recipe"),
    "glue": ("pipeline.commands.glue", "fine-tune and score on GLUE"),
    "prompt": ("pipeline.commands.prompt", "train soft prompts of a frozen model"),
    "predict": ("pipeline.commands.predict", "label the rows of a file with a fine-tuned model"),
    "score": ("pipeline.commands.score", "score minimal pairs; words at the masks of a text"),
    "vit": ("pipeline.commands.vit", "fine-tune a vision transformer on images"),
    "sample-tasks": ("data_prep.sample_glue_tasks", "make two GLUE-layout tasks from a corpus"),
    "import": ("pipeline.commands.import_weights", "take a BERT over from another library"),
    "export": ("pipeline.commands.export", "write a BERT for another library, or to serve"),
    "meta-train": ("pipeline.commands.meta_train", "learn meta-parameters of Mnemosyne"),
    "report": ("pipeline.commands.report", "write one HTML page about data, runs and scores"),
    "bench": ("pipeline.commands.bench", "measure speed, cost and optimizers, ours and others"),
    "recipe": ("pipeline.commands.recipe", "print a recipe, or one stage's flags"),
}
# The others would make a folder named "gs:" on this machine.
_WRITE_TO_BUCKETS = frozenset({"vocab", "prepare", "prepare-images", "sample-tasks"})


def _remote_output(flags: Sequence[str]) -> str | None:
    """The address of a bucket that `--output` names, if it names one."""
    for flag, value in itertools.pairwise([*flags, ""]):
        name, _, joined = flag.partition("=")
        if name == "--output" and "://" in (joined or value):
            return joined or value
    return None


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {purpose}" for name, (_, purpose) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: mnemosyne <command> [--help] [options]",
            "",
            "BERT pre-training from text to GLUE with a learned optimizer.",
            "",
            "commands, in the order of the path:",
            *lines,
            "",
            "example: mnemosyne pretrain --recipe bert_tiny_sample --data DIR --output DIR",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 failed, 2 bad input."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(_help())
        return 0 if argv else 2
    command, *rest = argv
    if command not in COMMANDS:
        print(
            f"mnemosyne: error: unknown command '{command}'. Choose one of: {', '.join(COMMANDS)}.",
            file=sys.stderr,
        )
        return 2
    if command not in _WRITE_TO_BUCKETS and (remote := _remote_output(rest)):
        print(
            f"mnemosyne {command}: error: --output must be on this machine, received {remote}. "
            "Mount the bucket as a folder, or copy the result to it afterwards.",
            file=sys.stderr,
        )
        return 2
    # Before TensorFlow is imported: its start-up lines would hide ours, unless they are asked for.
    if "TF_CPP_MIN_LOG_LEVEL" not in os.environ:
        tensorflow_startup.leave_out()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    keep_freed_memory()
    try:
        return importlib.import_module(COMMANDS[command][0]).main(rest)
    except (ValueError, OSError) as error:
        # What a user can mend reads as one line; MNEMOSYNE_TRACEBACK=1 shows where it arose.
        if os.environ.get("MNEMOSYNE_TRACEBACK"):
            raise
        print(f"mnemosyne {command}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"mnemosyne {command}: interrupted; run it again to continue.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
