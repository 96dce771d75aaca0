"""Other libraries that are measured if they are there, each with a Python of its own."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Mapping

# Flag of its Python -> what to install for it.
HOW_TO_GET: Mapping[str, str] = {
    "keras_hub": "keras-hub tensorflow tensorflow-text",
    "hf_tf": "'transformers<5' tensorflow tf-keras",
    "hf_torch": "transformers torch",
}


def how_to_get(*names: str) -> str:
    """Commands that make the Pythons, a line each."""
    return "\n".join(
        f"  python -m venv peers/{name} && peers/{name}/bin/pip install {HOW_TO_GET[name]}"
        for name in names
    )


def check(args: argparse.Namespace) -> None:
    """Checks the flags `core` and those of the Pythons that `args` has.

    Raises:
      ValueError: the core is not one of this process.
      FileNotFoundError: a Python is no program.
    """
    cores = os.sched_getaffinity(0)
    if args.core is not None and args.core not in cores:
        raise ValueError(f"--core: expected one of {sorted(cores)}, received {args.core}.")
    for name, packages in HOW_TO_GET.items():
        python = getattr(args, name, None)
        if python and not shutil.which(python):
            raise FileNotFoundError(
                f"--{name}: expected a Python, received {python}, which is no program. Make one: "
                f"python -m venv DIR && DIR/bin/pip install {packages}"
            )
