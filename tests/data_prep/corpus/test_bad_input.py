"""What bad input does to a job, row by row, and all of it in one job."""

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

from data_prep.corpus.bad_input import BadInputError, RejectLog, parse_policies
from data_prep.corpus.byte_streams import ByteStream
from data_prep.corpus.documents import DocumentReader
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.rejects import MAX_SAVED_BYTES, Reject
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


def test_policies_are_told_apart_by_reason_and_family():
    policies = parse_policies("stream=fail,line:invalid_utf8=replace,quarantine")
    assert policies["stream:truncated"] == policies["stream:corrupt"] == "fail"
    assert policies["line:invalid_utf8"] == "replace"
    assert policies["jsonl:no_text"] == "quarantine"


def test_replace_for_all_means_where_it_is_possible():
    policies = parse_policies("replace")
    assert policies.pop("line:invalid_utf8") == "replace"
    assert set(policies.values()) == {"quarantine"}


@pytest.mark.parametrize("text", ["ignore", "stream=ignore", "tape=fail", "", "fail=stream"])
def test_an_unknown_policy_or_reason_is_refused_with_the_known_ones(text):
    with pytest.raises(ValueError, match="quarantine, replace, fail and a reason of stream:trunc"):
        parse_policies(text)


def test_what_cannot_be_mended_cannot_be_replaced():
    with pytest.raises(ValueError, match="only line:invalid_utf8 can. Choose quarantine or fail"):
        parse_policies("stream=replace")


def test_the_log_saves_counts_and_fails_by_reason(tmp_path):
    policies = parse_policies("quarantine,jsonl=fail")
    with RejectLog(str(tmp_path / "log"), policies) as log:
        log.write(Reject("f", 3, "line:invalid_utf8", b"\xff", 1))
        with pytest.raises(BadInputError, match="f: .*jsonl:no_text at 9 .2 bytes"):
            log.write(Reject("f", 9, "jsonl:no_text", b"{}", 2))
    assert log.reasons == {"reject line:invalid_utf8": 1}
    assert len((tmp_path / "log").read_text().splitlines()) == 1


@pytest.fixture
def bad_corpus(tmp_path, corpus_text):
    path = tmp_path / "corpus.txt"
    path.write_bytes(corpus_text.encode() + b"\nthe c\xfft sat on\n")
    return path


def test_fail_stops_the_job_with_file_and_place_and_a_second_try_goes_on(prepare, bad_corpus):
    with pytest.raises(ValueError, match=r"corpus.txt: .*line:invalid_utf8 at [\d,]+ .14 bytes"):
        prepare(bad_corpus, on_bad="fail")
    assert not (bad_corpus.parent / "out" / "COMPLETED").exists()
    manifest = load_manifest(str(prepare(bad_corpus, on_bad="replace")))
    assert manifest.rejects == {}
    assert manifest.counts["lines_replaced"] == 1


def test_too_many_rejects_leave_no_marker_and_a_larger_fraction_finishes_at_once(
    prepare, bad_corpus
):
    with pytest.raises(ValueError, match="--max_bad_fraction 0.0001 of the input"):
        prepare(bad_corpus, max_bad_fraction=0.0001)
    out = bad_corpus.parent / "out"
    assert not (out / "COMPLETED").exists()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.tfrecord")}
    prepare(bad_corpus, max_bad_fraction=0.1)
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.tfrecord")} == before
    assert (out / "COMPLETED").exists()


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


def test_json_with_escaped_lone_surrogates_is_used_when_replace_is_asked(
    prepare, tmp_path, documents
):
    lines = [json.dumps({"text": "\ud800 " + "\n".join(document)}) for document in documents]
    (tmp_path / "c.json").write_text("\n".join(lines))
    manifest = load_manifest(str(prepare(f"{tmp_path}/c.json", on_bad="replace")))
    assert manifest.rejects == {}
    assert manifest.counts["documents"] == manifest.counts["lines_replaced"] == len(documents)
