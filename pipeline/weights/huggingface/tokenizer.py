"""The tokenizer files of a Hugging Face folder, read and written.

Read are `vocab.txt`, or the vocabulary in `tokenizer.json`; and how text is cased, from
`tokenizer_config.json` or `tokenizer.json`.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence

from data_prep import storage
from pipeline.weights.json_file import read_json, write_json

VOCABULARY, TOKENIZER = "vocab.txt", "tokenizer.json"
TOKENIZER_CONFIG, SPECIAL_TOKENS_MAP = "tokenizer_config.json", "special_tokens_map.json"
_SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


@dataclasses.dataclass(frozen=True)
class TokenizerFiles:
    """What the files of a folder say.

    Attributes:
      vocabulary: the bytes of `vocab.txt`.
      do_lower_case: None where nothing is said.
      max_length: tokens of the longest sequence, None where nothing is said.
      notes: sentences on rules that our tokenizer does not have.
    """

    vocabulary: bytes
    do_lower_case: bool | None
    max_length: int | None
    notes: tuple[str, ...]


def read_tokenizer(folder: pathlib.Path) -> TokenizerFiles:
    """Reads the tokenizer of a folder.

    Raises:
      FileNotFoundError: there is no vocabulary.
      ValueError: it is no WordPiece vocabulary, or an entry is missing.
    """
    slow, fast = (
        read_json(folder / name) if (folder / name).is_file() else {}
        for name in (TOKENIZER_CONFIG, TOKENIZER)
    )
    normalizer = _mapping(fast.get("normalizer"))
    casing = slow.get("do_lower_case", normalizer.get("lowercase"))
    longest = slow.get("model_max_length")
    rules = {**normalizer, **slow}
    return TokenizerFiles(
        vocabulary=_vocabulary(folder, fast),
        do_lower_case=casing if isinstance(casing, bool) else None,
        max_length=longest if isinstance(longest, int) and 0 < longest < 2**31 else None,
        notes=tuple(_notes(rules, casing)),
    )


def _notes(rules: Mapping, casing: object):
    accents = rules.get("strip_accents")
    if isinstance(accents, bool) and isinstance(casing, bool) and accents != casing:
        yield (
            f"the tokenizer of the origin has strip_accents={accents} with do_lower_case={casing}; "
            f"this one strips accents where it lower-cases, so words with accents get other ids"
        )
    for key in ("tokenize_chinese_chars", "handle_chinese_chars", "do_basic_tokenize"):
        if rules.get(key) is False:
            yield f"the tokenizer of the origin has {key}=False, this one has not; ids may differ"


def _vocabulary(folder: pathlib.Path, fast: Mapping) -> bytes:
    if (folder / VOCABULARY).is_file():
        return storage.read_whole(os.fspath(folder / VOCABULARY))
    if not fast:
        raise FileNotFoundError(
            f"{folder}: expected {VOCABULARY} or {TOKENIZER}, there is neither. Add the tokenizer "
            "of this model."
        )
    entries = _entries(fast, folder / TOKENIZER)
    return "".join(f"{entry}\n" for entry in entries).encode("utf-8")


def _entries(fast: Mapping, file: pathlib.Path) -> Sequence[str]:
    model = _mapping(fast.get("model"))
    prefix = model.get("continuing_subword_prefix")
    if model.get("type", "WordPiece") != "WordPiece" or prefix != "##":
        raise ValueError(
            f"{file}: expected a WordPiece model whose pieces begin with '##', received "
            f"{model.get('type')} with {prefix!r}"
        )
    ids = dict(_mapping(model.get("vocab")))
    try:
        ids |= {each["content"]: each["id"] for each in fast.get("added_tokens") or ()}
        by_id = sorted((int(number), str(entry)) for entry, number in ids.items())
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{file}: expected an id for each entry, received {error!r}") from error
    for expected, (number, entry) in enumerate(by_id):
        if number != expected:
            raise ValueError(
                f"{file}: expected an entry for each id from 0 on, received {entry!r} as {number} "
                f"where {expected} comes next"
            )
    return [entry for _, entry in by_id]


def _mapping(value: object) -> Mapping:
    return value if isinstance(value, Mapping) else {}


def write_tokenizer(
    folder: pathlib.Path, vocabulary: bytes, *, do_lower_case: bool, max_length: int
) -> None:
    """Writes `vocab.txt`, `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`.

    Args:
      folder: exists.
      vocabulary: the bytes of `vocab.txt`.
      do_lower_case: whether text is lower-cased and stripped of accents.
      max_length: tokens of the longest sequence.
    """
    entries = vocabulary.decode("utf-8-sig").removesuffix("\n").split("\n")
    ids = {entry.rstrip("\r"): number for number, entry in enumerate(entries)}
    storage.write_whole(folder / VOCABULARY, vocabulary)
    write_json(folder / SPECIAL_TOKENS_MAP, _SPECIAL)
    settings = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": do_lower_case,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "model_max_length": max_length,
        **_SPECIAL,
    }
    write_json(folder / TOKENIZER_CONFIG, settings)
    write_json(folder / TOKENIZER, _fast(ids, do_lower_case))


def _fast(ids: Mapping[str, int], do_lower_case: bool) -> dict:
    """The content of `tokenizer.json`, as the library `tokenizers` reads it."""
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": ids[token], "content": token, **plain, "special": True}
            for token in sorted(_SPECIAL.values(), key=ids.get)
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": do_lower_case,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [_special("[CLS]", 0), _sequence("A", 0), _special("[SEP]", 0)],
            "pair": [
                *(_special("[CLS]", 0), _sequence("A", 0), _special("[SEP]", 0)),
                *(_sequence("B", 1), _special("[SEP]", 1)),
            ],
            "special_tokens": {
                token: {"id": token, "ids": [ids[token]], "tokens": [token]}
                for token in ("[CLS]", "[SEP]")
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": dict(ids),
        },
    }


def _special(token: str, segment: int) -> dict:
    return {"SpecialToken": {"id": token, "type_id": segment}}


def _sequence(which: str, segment: int) -> dict:
    return {"Sequence": {"id": which, "type_id": segment}}
