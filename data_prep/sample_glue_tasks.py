"""`mnemosyne sample-tasks`: held-out documents to two small tasks in the layout of GLUE.

They are not GLUE. They let fine-tuning run where no GLUE data is available, on the documents that
`mnemosyne prepare` with the same --heldout_fraction kept out of training:

    CoLA/  is a sentence as it was written (1), or were two of its words swapped (0)?
    RTE/   does sentence two follow sentence one in its document (entailment), or is it from
           another document (not_entailment)?
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from data_prep import storage
from data_prep.beam import command_flags
from data_prep.corpus import input_files
from data_prep.corpus.documents import DocumentReader, document_id
from data_prep.corpus.input_files import InputFile
from data_prep.corpus.sentences import split_sentences
from data_prep.examples.rng import seed_of
from data_prep.job.manifest import COMPLETED_FILE
from data_prep.recorded_settings import describe_differences
from data_prep.settings import is_heldout

DEV_FRACTION = 0.2
_NOTES_FILE = "README.txt"
_ORIGIN_FILE = "sample_tasks.json"  # what `mnemosyne glue` reads
_ORIGIN = {"is_glue": False, "made_by": "mnemosyne sample-tasks"}
_SHORTEST_SENTENCE, _LONGEST_SENTENCE = 5, 40  # words
_HEADER = ("split", "documents", "rows like CoLA", "rows like RTE")
_EXAMPLE = """\
example:
  mnemosyne sample-tasks --input 'speeches/*.txt::file' --heldout_fraction 0.1 --output tasks

Give the --input and --heldout_fraction of `mnemosyne prepare`, so that no sentence was trained on.
"""
_README = """\
These two tasks are NOT GLUE. They were made by `mnemosyne sample-tasks` from held-out documents of
a corpus, in the file layout of GLUE, so that fine-tuning can be tried without the GLUE data.
Scores on them cannot be compared with published GLUE scores.

CoLA/  sentence as written: 1; the same with two of its words swapped: 0.
RTE/   sentence two follows sentence one in its document: entailment; it is taken from another
       document: not_entailment.

Train and dev hold different documents.
"""

Document = list[str]  # sentences


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne sample-tasks",
        description="Make two small tasks in GLUE layout from held-out documents (not GLUE).",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command_flags.add_corpus_flags(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the tasks")
    parser.add_argument("--heldout_fraction", type=float, required=True, help="as for prepare")
    parser.add_argument("--random_seed", type=int, default=12345, help="seed (default 12345)")
    parser.add_argument("--max_train", type=int, default=4_000, help="train rows (default 4000)")
    parser.add_argument("--max_dev", type=int, default=800, help="dev rows (default 800)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or raises ValueError or OSError over what the user gave."""
    flags = build_parser().parse_args(argv)
    if not 0 < flags.heldout_fraction < 1:
        raise ValueError(
            "Expected --heldout_fraction between 0 and 1, as given to `mnemosyne prepare`, "
            f"received {flags.heldout_fraction}."
        )
    files = input_files.find_input_files(flags.input)
    settings = {**vars(flags), "input_digest": input_files.digest_of_files(files)}
    del settings["output"]
    if _is_complete(flags.output, settings):
        print(f"already complete: {flags.output}")
        return 0
    train, dev = _heldout_documents(flags, files)
    storage.make_folder(flags.output)
    # Before the tasks, so that a folder left unfinished is not taken for GLUE either.
    storage.write_whole(os.path.join(flags.output, _NOTES_FILE), _README.encode())
    storage.write_whole(os.path.join(flags.output, _ORIGIN_FILE), json.dumps(_ORIGIN).encode())
    rows = {
        "train": (train, flags.max_train),
        "dev": (dev, flags.max_dev),
    }
    table = []
    for split, (documents, limit) in rows.items():
        if len(documents) < 2:
            raise ValueError(
                f"Expected at least two held-out documents for {split}, received {len(documents)}. "
                "Give more text or a larger --heldout_fraction (here and to `mnemosyne prepare`)."
            )
        seed = seed_of(flags.random_seed, split)
        cola = cola_rows(documents, limit, random.Random(seed))
        rte = rte_rows(documents, limit, random.Random(seed))
        _write(os.path.join(flags.output, "CoLA", f"{split}.tsv"), cola)
        header = ["index", "sentence1", "sentence2", "label"]
        indexed = [[str(index), *row] for index, row in enumerate(rte)]
        _write(os.path.join(flags.output, "RTE", f"{split}.tsv"), [header, *indexed])
        table.append((split, f"{len(documents):,}", f"{len(cola):,}", f"{len(rte):,}"))
    completed = json.dumps({"settings": settings}, indent=1).encode() + b"\n"
    storage.write_whole(os.path.join(flags.output, COMPLETED_FILE), completed)
    print(tabulate(table, _HEADER, colalign=("left", "right", "right", "right")))
    print(f"sample tasks (not GLUE): {flags.output}")
    return 0


def _is_complete(directory: str, settings: Mapping[str, Any]) -> bool:
    """Says whether the tasks exist already, made with these settings.

    Raises:
        ValueError: they were made with other settings, or the folder holds something else, such as
            the official GLUE data.
    """
    marker = os.path.join(directory, COMPLETED_FILE)
    if not storage.exists(marker):
        names = storage.list_folder(directory)
        if names and _NOTES_FILE not in names:
            raise ValueError(
                f"--output {directory}: expected a new or empty folder, but it holds "
                f"{', '.join(names[:3])}. Choose another --output."
            )
        return False
    found = describe_differences(json.loads(storage.read_whole(marker))["settings"], settings)
    if found:
        raise ValueError(
            f"--output {directory}: was finished with other settings ({'; '.join(found)}). Choose "
            "another --output, delete the folder, or use the settings it was made with."
        )
    return True


def _heldout_documents(
    flags: argparse.Namespace, files: Iterable[InputFile]
) -> tuple[list[Document], list[Document]]:
    """Returns the held-out documents for train and for dev, in the order of their hashes."""
    found: dict[bytes, Document] = {}
    for unit in input_files.plan_work(files, text_field=flags.text_field):
        for file_range in unit:
            for document in DocumentReader(file_range):
                identity = document_id(document)
                if is_heldout(identity, flags.heldout_fraction) and identity not in found:
                    lines = split_sentences(document) if flags.sentences == "split" else document
                    found[identity] = [" ".join(line.decode("utf-8").split()) for line in lines]
    ordered = sorted(found, key=lambda identity: seed_of(flags.random_seed, identity.hex()))
    num_dev = max(2, round(len(ordered) * DEV_FRACTION))
    return [found[each] for each in ordered[num_dev:]], [found[each] for each in ordered[:num_dev]]


def cola_rows(documents: Iterable[Document], limit: int, rng: random.Random) -> list[list[str]]:
    """Returns CoLA rows (source, label, mark, sentence), as many as written as swapped.

    Source: the layout of the official CoLA release, which has no header.
    """
    sentences = [each for document in documents for each in document if _is_usable(each)]
    rng.shuffle(sentences)
    rows: list[list[str]] = []
    for sentence in sentences[: limit // 2]:
        rows.append(["sample", "1", "", sentence])
        rows.append(["sample", "0", "*", swap_two_words(sentence, rng)])
    rng.shuffle(rows)
    return rows


def rte_rows(documents: Sequence[Document], limit: int, rng: random.Random) -> list[list[str]]:
    """Returns RTE rows (sentence1, sentence2, label), as many that follow as that do not."""
    neighbours = [
        (index, first, second)
        for index, document in enumerate(documents)
        for first, second in zip(document[:-1], document[1:], strict=True)
        if _is_usable(first) and _is_usable(second)
    ]
    rng.shuffle(neighbours)
    usable = [[each for each in document if _is_usable(each)] for document in documents]
    rows: list[list[str]] = []
    for number, (index, first, second) in enumerate(neighbours[:limit]):
        others = [other for other in range(len(usable)) if other != index and usable[other]]
        if number % 2 == 0 or not others:
            rows.append([first, second, "entailment"])
        else:
            rows.append([first, rng.choice(usable[rng.choice(others)]), "not_entailment"])
    return rows


def swap_two_words(sentence: str, rng: random.Random) -> str:
    """Swaps two words that differ, at random positions."""
    words = sentence.split()
    first = rng.randrange(len(words))
    second = rng.choice([index for index, word in enumerate(words) if word != words[first]])
    words[first], words[second] = words[second], words[first]
    return " ".join(words)


def _is_usable(sentence: str) -> bool:
    words = sentence.split()
    return _SHORTEST_SENTENCE <= len(words) <= _LONGEST_SENTENCE and len(set(words)) > 1


def _write(path: str, rows: Iterable[Sequence[str]]) -> None:
    storage.make_folder(os.path.dirname(path))
    text = "".join("\t".join(row) + "\n" for row in rows)
    storage.write_whole(path, text.encode("utf-8"))
