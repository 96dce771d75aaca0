"""Other libraries that are measured if they are there, each with a Python of its own."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable, Mapping

from pipeline.lab.side_by_side.contestant import Contestant

# Flag of its Python -> its name in the table.
NAMES: Mapping[str, str] = {
    "keras_hub": "keras-hub",
    "hf_tf": "Hugging Face TF",
    "hf_torch": "Hugging Face PyTorch",
}
# Flag of its Python -> what to install for it.
HOW_TO_GET: Mapping[str, str] = {
    "keras_hub": "keras-hub tensorflow tensorflow-text",
    "hf_tf": "'transformers<5' tensorflow tf-keras",
    "hf_torch": "transformers torch",
}
_IF_YOU_HAVE_IT = (
    "A library is measured if you have it, in an environment of its own; its flag takes that "
    "Python:"
)


def how_to_get(*names: str) -> str:
    """What --help says of the Pythons: the commands that make them, a line each."""
    commands = [
        f"  python -m venv peers/{name} && peers/{name}/bin/pip install {HOW_TO_GET[name]}"
        for name in names
    ]
    return "\n".join([_IF_YOU_HAVE_IT, *commands])


def contestants(
    pythons: Mapping[str, str | None], program: Callable[[str], str]
) -> list[Contestant]:
    """Returns the programs of the libraries that are there.

    Args:
        pythons: Python by key of `NAMES`; None leaves one out.
        program: returns the path of a library's program, by the same key.
    """
    return [
        Contestant(NAMES[key], program(key), python) for key, python in pythons.items() if python
    ]


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
