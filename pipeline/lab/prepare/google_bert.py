"""Runs google-research/bert's `create_pretraining_data.py` unchanged, one input, one output file.

Its package, `bert`, must be importable.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Sequence

import tensorflow as tf

SCRIPT = "bert.create_pretraining_data"


def main(argv: Sequence[str]) -> int:
    """Sets the script's flags and calls its `main`; returns 0."""
    parser = argparse.ArgumentParser(prog="google_bert", allow_abbrev=False)
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True, metavar="DIR")
    flags, settings = parser.parse_known_args(argv)
    script = importlib.import_module(SCRIPT)
    tf.get_logger().setLevel("ERROR")  # it logs every file and twenty records
    output_file = os.path.join(flags.output, "records.tfrecord")
    script.FLAGS([SCRIPT, f"--input_file={flags.input}", f"--output_file={output_file}", *settings])
    script.main([SCRIPT])
    return 0
