import numpy as np

from data_prep.text_stretches import TextStretches, are_printable_ascii, interleave


def stretches_of(*lines):
    stretches = TextStretches(do_lower_case=True)
    for line in lines:
        stretches.add(line.encode())
    return stretches


def test_a_word_beyond_ascii_is_taken_out_of_its_line_alone():
    stretches = stretches_of("The caf\u00e9\u2026 sat\ton", "cat")
    assert stretches.texts == [b"The ", b" sat on", b"cat"]
    assert stretches.words == ["cafe", "\u2026"]
    assert stretches.is_text == [True, False, False, True, True]
    assert stretches.ends == [4, 5]


def test_control_characters_need_the_rules_of_bert_though_they_are_ascii():
    assert are_printable_ascii([b"a~\t\r", b""])
    for special in (b"a\0", b"\x7f", b"\x1c", "\u00e9".encode()):
        assert not are_printable_ascii([b"a", special])


def test_invalid_utf8_vanishes_from_its_word():
    stretches = TextStretches(do_lower_case=True)
    stretches.add(b"the c\xffat")
    assert (stretches.texts, stretches.words) == ([b"the ", b""], ["cat"])


def test_two_kinds_of_strings_come_back_in_their_order():
    first = (np.array([1, 2, 3], np.int32), np.array([2, 1], np.int32))
    second = (np.array([7, 8], np.int32), np.array([2], np.int32))
    ids, lengths = interleave(np.array([True, False, True]), first, second)
    assert ids.tolist() == [1, 2, 7, 8, 3]
    assert lengths.tolist() == [2, 2, 1]
