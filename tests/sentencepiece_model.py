"""A SentencePiece model written by hand: protobuf fields of its format, a few of them.

Source: google/sentencepiece, src/sentencepiece_model.proto.
"""

import struct

NORMAL, UNKNOWN, CONTROL = 1, 2, 3
UNIGRAM = 1


def sentencepiece_model(words, special=(("<pad>", CONTROL), ("</s>", CONTROL), ("<unk>", UNKNOWN))):
    """Returns the bytes of a model whose pieces are `special` and whole words, in this order."""
    pieces = [*special, *((f"\u2581{word}", NORMAL) for word in words)]
    ids = {name: i for i, (name, _) in enumerate(pieces)}
    trainer = _number(3, UNIGRAM)
    for field, name in ((40, "<unk>"), (41, None), (42, "</s>"), (43, "<pad>")):
        trainer += _number(field, ids.get(name, -1))
    normalizer = _bytes(1, b"identity")
    return b"".join(_piece(*each) for each in pieces) + _bytes(2, trainer) + _bytes(3, normalizer)


def _piece(text, kind):
    score = _varint(2 << 3 | 5) + struct.pack("<f", -1.0)
    return _bytes(1, _bytes(1, text.encode()) + score + _number(3, kind))


def _number(field, value):
    return _varint(field << 3) + _varint(value & (2**64 - 1))


def _bytes(field, content):
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
