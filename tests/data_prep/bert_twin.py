"""BERT's tokenizer in the plainest Python: slow, for comparison, without a line of data_prep.

Written from the rules, one character at a time; the ranges are the Unicode blocks BERT takes for
ideographs. `test_google_bert.py` compares it with google-research/bert's own code where that is at
hand.
"""

import unicodedata

IDEOGRAPH_BLOCKS = {
    "CJK Unified Ideographs": (0x4E00, 0x9FFF),
    "Extension A": (0x3400, 0x4DBF),
    "Extension B": (0x20000, 0x2A6DF),
    "Extension C": (0x2A700, 0x2B73F),
    "Extension D": (0x2B740, 0x2B81F),
    "Extension E": (0x2B820, 0x2CEAF),
    "Compatibility": (0xF900, 0xFAFF),
    "Compatibility Supplement": (0x2F800, 0x2FA1F),
}
LONGEST_WORD = 200


def cleaned(character):
    """What becomes of one character of the text before it is split into words."""
    category = unicodedata.category(character)
    if character in "\t\n\r" or category == "Zs":
        return " "
    if category in ("Cc", "Cf") or character == "\ufffd":
        return ""
    if any(first <= ord(character) <= last for first, last in IDEOGRAPH_BLOCKS.values()):
        return f" {character} "
    return character


def is_mark(character):
    if 0x21 <= ord(character) <= 0x7E:
        return not character.isalnum()
    return unicodedata.category(character)[0] == "P"


def words_of(text, do_lower_case=True):
    words = []
    for word in "".join(map(cleaned, text)).split():
        if do_lower_case:
            taken_apart = unicodedata.normalize("NFD", word.lower())
            word = "".join(c for c in taken_apart if unicodedata.category(c) != "Mn")
        words += "".join(f" {c} " if is_mark(c) else c for c in word).split()
    return words


def pieces_of(word, vocab):
    """WordPiece by its definition: the longest entry that fits, again and again."""
    pieces, begin = [], 0
    while begin < len(word):
        for end in range(len(word), begin, -1):
            piece = ("##" if begin else "") + word[begin:end]
            if piece in vocab:
                pieces.append(piece)
                begin = end
                break
        else:
            return ["[UNK]"]
    return pieces if len(word) <= LONGEST_WORD else ["[UNK]"]


def tokenize(text, vocab, do_lower_case=True):
    return [piece for word in words_of(text, do_lower_case) for piece in pieces_of(word, vocab)]
