"""Exact ids: none differs from BERT's rules, over all of Unicode and over real text.

Unicode is that of the running Python (13.0 in 3.10, 14.0 in 3.11, 15.0 in 3.12), for ours as for
the original; the Unicode tables of tensorflow-text have no say, because it sees nothing but ASCII
and words that are split already. So a character is a letter until the Python that prepares the
records knows better.
"""

import collections
import functools
import itertools
import lzma
import pathlib
import unicodedata

import pytest

from data_prep.wordpiece import WordpieceTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
REAL_TEXT = pathlib.Path(__file__).parents[3] / "shared" / "data"
REAL_BYTES = 10_000_000
RULED = ("Cc", "Cf", "Z", "P")  # categories that BERT has rules for, and Mn in lower case

both_cases = pytest.mark.parametrize("do_lower_case", [True, False], ids=["uncased", "cased"])


def assigned(step):
    """Every assigned code point that has a rule, and one in `step` of the others."""
    points = [chr(code) for code in range(0x110000)]
    points = [c for c in points if unicodedata.category(c) not in ("Cn", "Cs", "Co")]
    return [
        c
        for n, c in enumerate(points)
        if n % step == 0 or unicodedata.category(c).startswith(RULED)
    ]


def tokenizer_of(entries, folder, do_lower_case):
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL, *entries]) + "\n", newline="\n")
    return WordpieceTokenizer(str(folder / "vocab.txt"), do_lower_case=do_lower_case)


def compared(tokenizer, lines, pieces_of_lines):
    """Returns the lines whose ids differ, with what they are and what they should be."""
    ids, lengths = tokenizer.tokenize(lines)
    stream = iter(ids.tolist())
    differing = []
    for line, length, pieces in zip(lines, lengths, pieces_of_lines, strict=True):
        found = [tokenizer.vocab[i] for i in itertools.islice(stream, int(length))]
        if found != pieces:
            differing.append((line, found, pieces))
    return differing


def differences_over(points, bert_twin, folder, do_lower_case):
    # Each alone between spaces and inside a word; a vocabulary that spells whatever comes of them.
    lines = [" ".join(f"{c} a{c}b" for c in points[n : n + 20]) for n in range(0, len(points), 20)]
    words = [bert_twin.words_of(line, do_lower_case) for line in lines]
    letters = sorted({c for line in words for word in line for c in word})
    tokenizer = tokenizer_of([*letters, *("##" + c for c in letters)], folder, do_lower_case)
    pieces = [
        [p for word in line for p in (word[0], *("##" + c for c in word[1:]))] for line in words
    ]
    return compared(tokenizer, lines, pieces)


@both_cases
def test_code_points_with_a_rule_and_some_without_get_the_ids_of_bert(
    bert_twin, tmp_path, do_lower_case
):
    points = assigned(step=60)
    assert len(points) > 3_000
    assert differences_over(points, bert_twin, tmp_path, do_lower_case) == []


@pytest.mark.slow
@both_cases
def test_every_assigned_code_point_gets_the_ids_of_bert(bert_twin, tmp_path, do_lower_case):
    points = assigned(step=1)
    assert len(points) > 143_000
    assert differences_over(points, bert_twin, tmp_path, do_lower_case) == []


def real_lines(pattern):
    files = sorted(REAL_TEXT.glob(pattern))
    if not files:
        pytest.skip(f"no real text: {pattern} of the folder shared/data beside the repository")
    lines, size = [], 0
    for path in files:
        for line in lzma.decompress(path.read_bytes()).split(b"\n"):
            lines.append(line)
            size += len(line) + 1
            if size >= REAL_BYTES:
                return lines
    return lines


@pytest.mark.slow
def test_ten_megabytes_of_wikipedia_get_the_ids_of_bert(bert_twin, tmp_path):
    lines = real_lines("wikipedia/*.txt.xz")
    words = [bert_twin.words_of(line.decode("utf-8", "ignore")) for line in lines]
    counts = collections.Counter(itertools.chain.from_iterable(words))
    # All letters, so that every word can be spelled, then whole words and ends of words.
    letters = sorted({c for word in counts for c in word})
    common = [word for word, _ in counts.most_common(20_000)]
    ends = collections.Counter(word[-3:] for word in common)
    entries = [
        *letters,
        *common,
        *("##" + e for e in [*letters, *(e for e, _ in ends.most_common(500))]),
    ]
    tokenizer = tokenizer_of(dict.fromkeys(entries), tmp_path, True)
    vocab = set(tokenizer.vocab)
    pieces_of = functools.cache(lambda word: bert_twin.pieces_of(word, vocab))
    pieces = [[piece for word in line for piece in pieces_of(word)] for line in words]
    assert sum(map(len, pieces)) > 2_000_000
    assert compared(tokenizer, lines, pieces) == []
