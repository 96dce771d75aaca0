"""Coverage-guided fuzzing of the readers, the markup stripper and the record encoder.

Not part of the test suite: it needs `pip install atheris` (Python 3.11 or later) and minutes.
It looks for the same as the property tests do, with inputs bred for the branches they reach:

    python tests/fuzz/fuzz_data_prep.py TARGET [CORPUS_FOLDER] -max_total_time=180

TARGET: text (layouts blank_line, file, line), jsonl, mediawiki, parquet, archives (every layout of
compressed bytes), markup, records. An input that fails is written to `crash-...` and given as the
only argument behind TARGET it is tried again. Where a fuzzer found something, a test of the module
in question says so now.
"""

import bz2
import gzip
import io
import lzma
import pathlib
import sys
import tempfile

import atheris
import numpy as np
import pyarrow
import pyarrow.parquet
import zstandard

ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "data_prep")]

with atheris.instrument_imports(include=["data_prep"]):
    import plain_records
    import reader_invariants

    from data_prep.corpus import documents, wiki_markup
    from data_prep.examples import tfrecord_encoding

TEXT = b"the cat\n\nsat\xff\0\r\n\xc3\xa9 on\n" * 20


def parquet_file():
    stream = io.BytesIO()
    table = pyarrow.table({"text": pyarrow.array([b"the cat", None, b"\xff"], pyarrow.binary())})
    pyarrow.parquet.write_table(table, stream, row_group_size=2, use_dictionary=False)
    return stream.getvalue()


SEEDS = {
    "text": [b"\x05the cat\n\nsat\xff\0\r\n\xc3\xa9 on"],
    "jsonl": [b'\x05{"text": "a\\nb"}\n{"text": 3}\n[1]\n{"te'],
    "mediawiki": [
        b"\x05<mediawiki><page><ns>0</ns><revision><text>a [[b|c]]</text></revision></page>"
        b"</mediawiki>"
    ],
    "parquet": [b"\x05" + parquet_file()],
    "archives": [
        b"\x05" + compress(TEXT)
        for compress in (gzip.compress, bz2.compress, lzma.compress, zstandard.compress)
    ],
}
FOLDER = tempfile.TemporaryDirectory()
PATH = pathlib.Path(FOLDER.name) / "input"


def read(layouts, content):
    """The first byte chooses layout and limits, the rest is the file."""
    choice, content = content[:1] or b"\0", content[1:]
    layout = layouts[choice[0] % len(layouts)]
    limits = {
        "max_line_bytes": 4 + choice[0] % 29,
        "max_document_bytes": 8 + choice[0] % 61,
        "replace_invalid": choice[0] > 127,
    }
    PATH.write_bytes(content)
    reader_invariants.check_reading(PATH, layout, **limits)
    if layout in ("blank_line", "line", "jsonl") and len(content) < 200:
        is_plain = not content.startswith((b"\x1f\x8b", b"BZh", b"\xfd7z", b"\x28\xb5"))
        if is_plain:
            width = 1 + choice[0] % 37
            reader_invariants.check_ranges(PATH, layout, width, len(content), **limits)


def strip_markup(content):
    for paragraph in wiki_markup.plain_paragraphs(content.decode("utf-8", "replace")):
        assert paragraph.strip() == paragraph != ""


def encode(content):
    data = atheris.FuzzedDataProvider(content)
    rows = data.ConsumeIntInRange(1, 3)
    block = {}
    for number in range(data.ConsumeIntInRange(1, 5)):
        length = data.ConsumeIntInRange(1, 300)
        values = data.ConsumeIntListInRange(rows * length, 0, (1 << 28) - 1)
        values = (values + [0] * rows * length)[: rows * length]
        block[f"name{number}"] = np.array(values, np.int64).reshape(rows, length)
    framed = tfrecord_encoding.encode_tfrecords(block)
    read_back = [plain_records.parse_example(each) for each in plain_records.read_tfrecords(framed)]
    assert [set(each) for each in read_back] == [set(block)] * rows
    for name, values in block.items():
        assert [each[name] for each in read_back] == values.tolist()


TARGETS = {
    "text": lambda content: read(("blank_line", "file", "line"), content),
    "jsonl": lambda content: read(("jsonl",), content),
    "mediawiki": lambda content: read(("mediawiki",), content),
    "parquet": lambda content: read(("parquet",), content),
    "archives": lambda content: read(documents.LAYOUTS, content),
    "markup": strip_markup,
    "records": encode,
}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        raise SystemExit(f"Expected a target of {', '.join(TARGETS)}.\n\n{__doc__}")
    name = sys.argv.pop(1)
    if len(sys.argv) == 1 or sys.argv[1].startswith("-"):
        corpus = pathlib.Path(tempfile.mkdtemp(prefix="fuzz-"))
        for number, seed in enumerate(SEEDS.get(name, [])):
            (corpus / f"seed{number}").write_bytes(seed)
        sys.argv.insert(1, str(corpus))
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
