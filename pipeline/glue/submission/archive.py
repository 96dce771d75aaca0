"""The files of a submission, and the zip of them.

`submission.zip` is only written when all eleven files are there; what there is of an incomplete one
goes to `submission_incomplete.zip`, so that nothing half-done is taken for finished.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence

from data_prep import storage
from pipeline.glue.submission.majority import MAJORITY, majority_answers
from pipeline.glue.submission.validator import check_submission

ARCHIVE, INCOMPLETE = "submission.zip", "submission_incomplete.zip"
_FOLDER = "submission"
_MAX_SHOWN = 5


def answer_file(output: str, name: str) -> str:
    """The path of a file of the submission: OUTPUT/submission/CoLA.tsv."""
    return os.path.join(output, _FOLDER, f"{name}.tsv")


def write_answers(output: str, name: str, answers: Sequence[str]) -> None:
    """Writes one file, whole or not at all.

    Args:
      output: Folder of the scores.
      name: In the submission: "MNLI-mm".
      answers: Of each row of the test file, in its order.
    """
    storage.make_folder(os.path.join(output, _FOLDER))
    lines = ["index\tprediction", *(f"{index}\t{text}" for index, text in enumerate(answers))]
    storage.write_whole(answer_file(output, name), ("\n".join(lines) + "\n").encode("utf-8"))


def write_archive(output: str, answered: Sequence[str], *, fill: bool) -> list[str]:
    """Zips the files and checks the zip; returns lines that say what it holds.

    Args:
      output: Folder of the scores.
      answered: Names of the files that a model of ours has answered.
      fill: Whether the others are written, too, with one answer for every row.
    """
    missing = [name for name in MAJORITY if name not in answered]
    if fill:
        for name in missing:
            write_answers(output, name, majority_answers(name))
    names = [name for name in MAJORITY if fill or name in answered]
    is_complete = len(names) == len(MAJORITY)
    path = os.path.join(output, ARCHIVE if is_complete else INCOMPLETE)
    _zip(path, output, names)
    storage.remove(os.path.join(output, INCOMPLETE if is_complete else ARCHIVE), missing_ok=True)
    if not is_complete:
        return [
            f"{path}: NOT complete, {len(names)} of {len(MAJORITY)} files; not answered: "
            f"{', '.join(missing)}. The server of GLUE refuses it. Run these tasks, or give "
            "--fill_submission for one answer for every row"
        ]
    lines = [
        f"{name}.tsv: not predicted by a model, {MAJORITY[name][0]} for every row "
        "(--fill_submission)"
        for name in missing
    ]
    problems = check_submission(path)
    lines += [f"WARNING {path}: {problem}" for problem in problems[:_MAX_SHOWN]]
    if not problems:
        lines.append(f"{path}: complete and checked, {len(names)} files with all rows of the tests")
    return lines


def _zip(path: str, output: str, names: Sequence[str]) -> None:
    with (
        storage.open_whole(path) as stream,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in names:
            # A fixed date: the same answers give the same bytes.
            info = zipfile.ZipInfo(f"{name}.tsv", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, storage.read_whole(answer_file(output, name)))
