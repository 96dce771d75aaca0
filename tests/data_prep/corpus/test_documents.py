import pyarrow
import pyarrow.parquet
import pytest

from data_prep.corpus.documents import DocumentReader, document_id
from data_prep.corpus.file_range import FileRange


@pytest.mark.parametrize(
    ("layout", "documents"),
    [
        ("blank_line", [[b"a b", b"c"], [b"d"]]),
        ("file", [[b"a b", b"c", b"d"]]),
        ("line", [[b"a b"], [b"c"], [b"d"]]),
    ],
)
def test_layouts_say_where_documents_begin(read, layout, documents):
    assert read(b"a b\nc\n\n \nd", layout)[0] == documents


def test_json_lines_hold_a_document_each(read):
    content = b'{"text": "a\\nb\\r\\n\\n c"}\n\n{"id": 3, "text": "d"}\n'
    assert read(content, "jsonl")[0] == [[b"a", b"b", b" c"], [b"d"]]


def test_a_row_of_a_parquet_file_is_a_document(tmp_path):
    table = pyarrow.table({"body": ["a\r\n\nb", "  ", "c\0"]})
    pyarrow.parquet.write_table(table, tmp_path / "t")
    reader = DocumentReader(FileRange(str(tmp_path / "t"), "parquet", text_field="body"))
    assert list(reader) == [[b"a", b"b"], [b"c"]]
    assert reader.counts["documents"] == 2


def test_an_article_of_a_dump_is_a_document_without_markup(read):
    content = (
        b"<mediawiki><page><ns>0</ns><revision><text>A [[b|c]].\n\n== H ==\n* d{{e}}</text>"
        b"</revision></page></mediawiki>"
    )
    assert read(content, "mediawiki")[0] == [[b"A c.", b"d"]]


def test_links_to_what_this_wiki_calls_files_and_categories_are_no_text(read):
    # Names that no table of ours holds: the dump says what they mean.
    content = (
        b"<mediawiki><siteinfo><namespaces><namespace key='0' />"
        b"<namespace key='6'>Bild Werk</namespace><namespace key='14'>Sorte</namespace>"
        b"<namespace key='4'>Projekt</namespace></namespaces></siteinfo>"
        b"<page><ns>0</ns><revision><text>A [[Bild_werk:b.xyz|seen]] c [[Projekt:d|e]]."
        b"\n\n[[Sorte:f]]</text></revision></page></mediawiki>"
    )
    assert read(content, "mediawiki")[0] == [[b"A c e."]]


def test_bom_carriage_returns_and_nul_bytes_vanish_and_nul_is_counted(read):
    documents, reader, _ = read(b"\xef\xbb\xbfone\r\nt\0wo\0\r\n\r\nthree")
    assert documents == [[b"one", b"two"], [b"three"]]
    assert reader.counts["nul_bytes"] == 2


def test_a_file_without_text_has_no_documents(read):
    for content in (b"", b"\n\n", b" \r\n", b"\xef\xbb\xbf"):
        assert read(content)[0] == []


def test_a_giant_line_is_cut_at_spaces_and_counted(read):
    content = b"word " * 2_000
    documents, reader, _ = read(content, max_line_bytes=1_000)
    assert b"".join(documents[0]) == content
    assert max(map(len, documents[0])) <= 1_000
    assert reader.counts["lines_cut"] == 9


def test_pieces_of_a_giant_line_stay_one_document_in_line_layout(read):
    documents, _, _ = read(b"word " * 500 + b"\nnext", "line", max_line_bytes=1_000)
    assert [len(document) for document in documents] == [3, 1]


def test_a_giant_document_is_cut_between_lines_and_counted(read):
    documents, reader, _ = read(b"12345\n" * 10, max_document_bytes=20)
    assert [len(document) for document in documents] == [4, 4, 2]
    assert reader.counts["documents_cut"] == 2


def test_the_identity_of_a_document_is_its_text():
    assert document_id([b"a", b"b"]) == document_id([b"a", b"b"])
    assert document_id([b"a", b"b"]) != document_id([b"ab"])


def test_text_whose_lines_end_in_carriage_returns_alone_has_the_documents_of_other_line_ends(read):
    text = b"\n\n".join(b"document %d\nends" % number for number in range(60)) + b"\n"
    for layout, number in [("blank_line", 60), ("line", 120), ("file", 1)]:
        expected = read(text, layout)[0]
        assert len(expected) == number
        for end in (b"\r", b"\r\n", b"\r\r\n"):
            assert read(text.replace(b"\n", end), layout)[0] == expected
    jsonl = b'{"text": "a"}\r{"text": "b"}\r'
    assert read(jsonl, "jsonl")[0] == [[b"a"], [b"b"]]
