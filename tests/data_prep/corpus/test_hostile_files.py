"""Damaged and hostile files: the use of each, all of them in one job, jobs that lose much."""

import base64
import bz2
import gzip
import hashlib
import json
import lzma
import random

import pyarrow
import pyarrow.parquet
import pytest
import zstandard

from data_prep.corpus.byte_streams import ByteStream
from data_prep.corpus.documents import DocumentReader
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.rejects import MAX_SAVED_BYTES
from data_prep.features import load_manifest

ZSTD = zstandard.ZstdCompressor(write_checksum=True).compress  # as the zstd command does
LINES = [b"%d the cat sat on the mat ." % number for number in range(1, 4_000)]
TEXT = b"\n".join(LINES) + b"\n"
NOISY = b"".join(
    b"%d %s\n" % (i, random.Random(i).randbytes(20).hex().encode()) for i in range(9_000)
)

ONE_LINE = b"a\xe2\x80\xa8b\xc2\x85c\x0bd\x0ce"  # U+2028, U+0085, VT and FF end no line


def damaged(packed):
    middle = len(packed) // 2
    return packed[:middle] + bytes(200) + packed[middle + 200 :]


# name: content, lines that are used, reasons of rejects. "begin": whole lines up to the end of what
# is there. "before": those before the damage; decompressors find out later, gzip and zstd by their
# checksums, so some wrong text may be used.
TABLE = {
    "latin1": (b"good\ncaf\xe9\nfine\n", [b"good", b"fine"], ["line:invalid_utf8"]),
    "nul": (b"n\0ul in\n", [b"nul in"], []),
    "utf16": ("one\ntwo\n".encode("utf-16"), [], ["encoding:utf-16"]),
    "utf16_gz": (gzip.compress("one\n".encode("utf-16")), [], ["encoding:utf-16"]),
    "bom": (b"\xef\xbb\xbfone\n", [b"one"], []),
    "crlf": (b"one\r\ntwo\r\n", [b"one", b"two"], []),
    "lone_cr": (b"one\rtwo\r\nthree\r", [b"one", b"two", b"three"], []),
    "double_cr": (b"one\r\r\n\r\r\ntwo\r\r\n", [b"one", b"two"], []),
    "other_line_ends": (ONE_LINE + b"\n", [ONE_LINE], []),
    "no_final_newline": (b"one\ntwo", [b"one", b"two"], []),
    "empty": (b"", [], []),
    "blank_only": (b" \n\n\t\n", [], []),
    "gz": (gzip.compress(TEXT), LINES, []),
    "bz2": (bz2.compress(TEXT), LINES, []),
    "xz": (lzma.compress(TEXT, preset=0), LINES, []),
    "zst": (ZSTD(TEXT), LINES, []),
    "two_gz": (gzip.compress(b"one\n") + gzip.compress(b"two\n"), [b"one", b"two"], []),
    "plain.gz": (TEXT, LINES, []),
    "damaged_gz": (damaged(gzip.compress(NOISY)), "before", ["stream:corrupt"]),
    "damaged_bz2": (damaged(bz2.compress(NOISY)), "before", ["stream:corrupt"]),
    "damaged_xz": (damaged(lzma.compress(NOISY, preset=0)), "before", ["stream:corrupt"]),
    "damaged_zst": (damaged(ZSTD(NOISY)), "before", ["stream:corrupt"]),
    "cut_gz": (gzip.compress(NOISY)[:150_000], "begin", ["stream:truncated"]),
    "cut_bz2": (bz2.compress(NOISY)[:150_000], "begin", ["stream:truncated"]),
    "cut_xz": (lzma.compress(NOISY, preset=0)[:150_000], "begin", ["stream:truncated"]),
    "cut_zst": (ZSTD(NOISY)[:150_000], "begin", ["stream:truncated"]),
    "long_line": (b"word " * 500_000 + b"\nend\n", None, []),
    "long_word": (b"w" * 2_500_000 + b"\nend\n", None, []),
    "lzma": (lzma.compress(TEXT, lzma.FORMAT_ALONE, preset=0), LINES, []),
    "binary": (bytes(range(256)) * 9, [], ["file:binary"]),
    "binary_gz": (gzip.compress(bytes(range(256)) * 9), [], ["file:binary"]),
    "garbage": (b"\x80\xff\xfe" * 50 + b"\n", [], ["line:invalid_utf8"]),
}


@pytest.mark.parametrize("name", list(TABLE))
def test_every_kind_of_bad_input_has_the_outcome_of_the_table(tmp_path, name):
    content, expected, reasons = TABLE[name]
    (tmp_path / name).write_bytes(content)
    letters = []
    reader = DocumentReader(FileRange(str(tmp_path / name), "file"), reject=letters.append)
    lines = [line for document in reader for line in document]
    counts = reader.counts
    assert [letter.reason for letter in letters] == reasons
    assert counts["bytes_in"] == sum(counts[f"bytes_{kind}"] for kind in ("ok", "blank", "dead"))
    if expected == "begin":
        whole = NOISY.split(b"\n")
        # What came before the damage is used, whole line by whole line.
        assert lines == whole[: len(lines)]
        assert lines or name in ("cut_bz2", "cut_zst")
    elif expected == "before":
        before = 3_000 if name == "damaged_gz" else 0
        assert lines[:before] == NOISY.split(b"\n")[:before]
    elif expected is not None:
        assert lines == expected
    else:
        assert counts["bytes_ok"] == len(content) and lines


HOSTILE_LAYOUTS = {
    "bad.jsonl": b'{"text": "the cat sat . on the mat ."}\n{"text": 3}\n{"te\n[1]\nb\xff\n',
    "unreadable.parquet": b"PAR1" + bytes(90_000),
    "cut.xml": b"<mediawiki><page><ns>0</ns><revision><text>the cat .</text></revision></page>"
    b"<page><ns>0</ns><revision><text>" + b"the dog " * 20_000,
}


@pytest.fixture
def hostile(tmp_path):
    """A folder of every file of the table, some of other layouts, and one good file."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name, (content, _, _) in TABLE.items():
        (folder / name).write_bytes(content)
    for name, content in HOSTILE_LAYOUTS.items():
        (folder / name).write_bytes(content)
    table = pyarrow.table({"text": pyarrow.array([b"the cat .", None, b"\xff"], pyarrow.binary())})
    pyarrow.parquet.write_table(table, folder / "rows.parquet")
    return folder


def recovered(letter):
    """The bytes of a reject, from itself or, if long, from its file."""
    saved = base64.b64decode(letter["bytes"])
    if letter["reason"] == "parquet:unreadable":
        with open(letter["file"], "rb") as stream:
            return stream.read()
    if letter["reason"].startswith("parquet") or letter["file"].endswith("rows.parquet"):
        return saved
    place, end = letter["offset"], letter["offset"] + letter["length"]
    content = b"".join(ByteStream(letter["file"]))[place:end]
    # Of what was not all at hand, no hash and only a beginning are saved.
    assert saved == content[:MAX_SAVED_BYTES] or not letter["sha256"] and content.startswith(saved)
    return content


def test_a_job_of_hostile_files_ends_balanced_with_every_reject_recoverable(prepare, hostile):
    assert len(list(hostile.iterdir())) >= 32
    folder = prepare(f"{hostile}/*", dupe_factor=1, heldout_fraction=0.0, num_shards=2)
    manifest = load_manifest(str(folder))
    counts = manifest.counts
    assert counts["bytes_in"] == counts["bytes_ok"] + counts["bytes_blank"] + counts["bytes_dead"]
    letters = [
        json.loads(line)
        for path in (folder / "rejects").iterdir()
        for line in path.read_text().splitlines()
    ]
    assert len(letters) == sum(manifest.rejects.values())
    assert sum(letter["length"] for letter in letters) == counts["bytes_dead"]
    for letter in letters:
        content = recovered(letter)
        assert len(content) == letter["length"]
        assert letter["sha256"] in (None, hashlib.sha256(content).hexdigest())
    found = {(letter["file"].rpartition("/")[2], letter["reason"]) for letter in letters}
    expected = {(name, reason) for name, (_, _, reasons) in TABLE.items() for reason in reasons}
    assert found - expected == {
        ("bad.jsonl", "jsonl:no_text"),
        ("bad.jsonl", "jsonl:invalid_json"),
        ("bad.jsonl", "line:invalid_utf8"),
        ("unreadable.parquet", "parquet:unreadable"),
        ("rows.parquet", "parquet:no_text"),
        ("rows.parquet", "line:invalid_utf8"),
        ("cut.xml", "stream:truncated"),
    }
    assert expected <= found


LOST = {
    "bz2": bz2.compress(NOISY)[:-50_000][:30_000],
    "xz": lzma.compress(NOISY)[:20] + bytes(30_000),
    "zst": ZSTD(NOISY)[:4] + b"\xff" * 30_000,
    "window.zst": b"\x28\xb5\x2f\xfd\x00" + bytes([(32 - 10) << 3]) + b"\x01\x00\x00" * 9_000,
    "binary": random.Random(0).randbytes(30_000),
    "utf16": NOISY.decode().encode("utf-16"),
    "parquet": b"PAR1" + bytes(30_000),
}


@pytest.mark.parametrize("name", list(LOST))
def test_half_of_a_corpus_lost_is_more_than_a_thousandth(prepare, tmp_path, corpus_text, name):
    (tmp_path / "good.txt").write_text(corpus_text)
    (tmp_path / f"lost.{name}").write_bytes(LOST[name])
    inputs = [f"{tmp_path}/good.txt", f"{tmp_path}/lost.{name}"]
    with pytest.raises(ValueError, match=r"--max_bad_fraction 0\.001 of the input .* 0\.[2-9]"):
        prepare(*inputs, max_bad_fraction=0.001)
    manifest = load_manifest(str(prepare(*inputs, max_bad_fraction=0.999)))
    assert sum(manifest.rejects.values()) == 1


def test_a_run_of_rejects_alone_says_so_keeps_them_and_gives_way_to_the_next(
    prepare, tmp_path, corpus_text
):
    (tmp_path / "lost.xz").write_bytes(LOST["xz"])
    (tmp_path / "bad.txt").write_bytes(b"caf\xe9\n" * 3)
    out = tmp_path / "out"
    words = r"0 documents .* Rejected were line:invalid_utf8 3, stream:corrupt 1, 100.0% of the"
    for _ in range(2):
        with pytest.raises(ValueError, match=f"{words} input; all .* saved in {out}/rejects"):
            prepare(f"{tmp_path}/lost.xz", f"{tmp_path}/bad.txt")
        texts = [path.read_text() for path in (out / "rejects").iterdir()]
        saved = [json.loads(line) for text in texts for line in text.splitlines()]
        assert sorted(letter["reason"] for letter in saved) == [
            *["line:invalid_utf8"] * 3,
            "stream:corrupt",
        ]
        assert sum(letter["lost"] for letter in saved) > 0
        assert not (out / "COMPLETED").exists() and not list(out.glob("*.tfrecord"))
    (tmp_path / "good.txt").write_text(corpus_text)
    assert load_manifest(str(prepare(f"{tmp_path}/good.txt"))).rejects == {}
    assert not list((out / "rejects").iterdir())
