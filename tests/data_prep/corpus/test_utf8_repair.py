from hypothesis import given
from hypothesis import strategies as st

from data_prep.corpus.utf8_repair import Utf8Repair

CONTENTS = st.lists(
    st.sampled_from([b"a", b"<page>", "\u00e9".encode(), "\u4f60".encode(), "\U0001f600".encode()])
    | st.binary(max_size=4),
    max_size=20,
).map(b"".join)


@given(CONTENTS, st.integers(1, 9))
def test_valid_text_stays_and_the_rest_is_replaced_regardless_of_pieces(content, size):
    repair = Utf8Repair()
    pieces = [content[begin : begin + size] for begin in range(0, len(content), size)]
    text = b"".join(map(repair.repaired, pieces)).decode("utf-8")
    expected = content.decode("utf-8", "replace").replace("\ufffd", "")
    assert text.replace("\ufffd", "") == expected
    if not repair.count:
        assert text.encode() == content[: len(text.encode())]


def test_offsets_lead_back_to_the_original_bytes():
    content = b"ab\xff\xfe<page>\xe4\xbd<page>\xe4\xbd\xa0<page>"
    repair = Utf8Repair()
    text = repair.repaired(content)
    assert text.decode() == "ab\ufffd<page>\ufffd<page>\u4f60<page>"
    begin = -1
    for original in (4, 12, 21):
        begin = text.index(b"<page>", begin + 1)
        assert content[original:].startswith(b"<page>")
        assert repair.original_offset(begin) == original
    assert repair.count == 2


def test_a_character_cut_between_pieces_is_no_damage():
    repair = Utf8Repair()
    assert repair.repaired(b"a\xe4") + repair.repaired(b"\xbd\xa0") == "a\u4f60".encode()
    assert repair.count == 0
