"""What fine-tuning must know of a run or a model folder: a path to a `PretrainedRun`.

A folder without `run.json` (only `bert_config.json` and `vocab.txt`, for random weights) is read
too; what it does not record has a default.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping

from models.bert_config import BertConfig
from pipeline.run.checkpoints import find_vocab, run_of
from pipeline.weights.model_description import read_description
from pipeline.weights.model_folder import MARKER, is_model_folder, read_model_folder
from pipeline.weights.recorded_tokenizer import fact, read_facts, recorded_casing, recorded_ids
from pipeline.weights.t5.folder import is_t5_folder

_CONFIG_FILE = "bert_config.json"
_OBJECTIVE = ("recipe", "prepare", "objective")
_DEFAULT_LENGTH = 128  # of BERT's own fine-tuning on GLUE


@dataclasses.dataclass(frozen=True)
class PretrainedRun:
    """Sizes, tokenizer and trained positions of an encoder.

    Attributes:
      directory: the run folder, a checkpoint of it, or the model folder.
      config: sizes of the encoder.
      vocab_file: path of its vocabulary.
      do_lower_case: whether its text is lower-cased and stripped of accents.
      ids: "bert" or "tf_text", see `WordpieceTokenizer`.
      max_seq_length: tokens in the records that it was trained on.
      trained_positions: how many rows of the position table training reached, from row 0 on; as
        many as there are where the folder does not say.
    """

    directory: str
    config: BertConfig
    vocab_file: str
    do_lower_case: bool
    ids: str
    max_seq_length: int
    trained_positions: int

    def check_length(self, max_seq_length: int) -> None:
        """Raises ValueError if a sequence has more tokens than the encoder has positions."""
        if max_seq_length > self.config.max_position_embeddings:
            raise ValueError(
                f"--max_seq_length: expected at most the encoder's max_position_embeddings "
                f"{self.config.max_position_embeddings}, received {max_seq_length}"
            )

    def untrained_positions(self, max_seq_length: int) -> range:
        """The rows of the position table that are read at this length but were never trained."""
        return range(self.trained_positions, max(self.trained_positions, max_seq_length))


def _received(path: str) -> str:
    """What a folder without a configuration is instead, and what to do."""
    if is_t5_folder(path):
        return f"a T5; `mnemosyne prompt --checkpoint {path}` takes it, other commands want a BERT"
    if fact(read_facts(os.path.join(path, "run.json")), _OBJECTIVE) == "span_corruption":
        return (
            "the run of a T5 that is not finished; run `mnemosyne pretrain` again, then `mnemosyne "
            "prompt` takes the folder"
        )
    models = sorted(file.parent for file in pathlib.Path(path).glob("models/*/model.json"))
    if models:
        return f"scores of `mnemosyne glue`; name one of its models: {models[0]}"
    if os.path.isfile(os.path.join(path, "config.json")):
        return "a folder of Hugging Face; turn it into a model folder with `mnemosyne import`"
    return (
        f"a path without {_CONFIG_FILE}; give the --output of `mnemosyne pretrain` or of "
        "`mnemosyne import`"
    )


def read_run(path: str) -> PretrainedRun:
    """Reads the files of a run folder or a model folder, but not its weights.

    Args:
      path: the folder, or a checkpoint of a run, as `newest_checkpoint` takes it.

    Raises:
      FileNotFoundError: the folder, its `bert_config.json` or its `vocab.txt` is missing.
      ValueError: two files of the folder disagree, on the tokenizer or on the sizes of the model.
    """
    if is_model_folder(path):
        return _of_model_folder(path)
    checkpoint = os.fspath(run_of(path))
    config_file = os.path.join(checkpoint, _CONFIG_FILE)
    if not os.path.isfile(config_file):
        raise FileNotFoundError(
            f"{checkpoint}: expected a pre-training run folder, received {_received(checkpoint)}"
        )
    config, vocab_file = BertConfig.load(config_file), find_vocab(checkpoint)
    facts = read_facts(os.path.join(checkpoint, "run.json"))
    length = _length_of_records(facts)
    return PretrainedRun(
        directory=path,
        config=config,
        vocab_file=vocab_file,
        do_lower_case=recorded_casing(checkpoint, vocab_file),
        ids=recorded_ids(checkpoint),
        max_seq_length=length or min(_DEFAULT_LENGTH, config.max_position_embeddings),
        trained_positions=_longest_phase(facts, length) or config.max_position_embeddings,
    )


def _of_model_folder(path: str) -> PretrainedRun:
    folder = read_model_folder(path)
    return PretrainedRun(
        directory=path,
        config=folder.config,
        vocab_file=folder.vocab_file,
        do_lower_case=folder.do_lower_case,
        ids=folder.ids,
        max_seq_length=folder.description.max_seq_length,
        trained_positions=folder.description.trained_positions,
    )


def _length_of_records(facts: Mapping) -> int | None:
    """Tokens in a record of the run; of records in bins the recipe names the one that was read."""
    return fact(facts, ("recipe", "prepare", "max_seq_length")) or fact(
        facts, ("data_manifest", "settings", "max_seq_length")
    )


def _longest_phase(facts: Mapping, length: int | None) -> int | None:
    """The most tokens in a record of the run and of what it began with."""
    seen = set()
    while length and (before := fact(facts, ("recipe", "train", "initial_run"))):
        if before in seen:
            break
        seen.add(before)
        if is_model_folder(before):
            length = max(length, read_description(os.path.join(before, MARKER)).trained_positions)
        facts = read_facts(os.fspath(run_of(before) / "run.json"))
        length = max(length, _length_of_records(facts) or 0)
    return length
