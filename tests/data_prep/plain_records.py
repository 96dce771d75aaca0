"""TFRecord files and tf.train.Example read in plain Python, by their published formats alone.

A TFRecord: uint64 length, masked CRC-32C of it, the bytes, masked CRC-32C of them. An Example is
the message `features: 1 { feature: 1 (map: key 1, value 2) }`; a Feature is one of `bytes_list: 1`,
`float_list: 2`, `int64_list: 3`, each with its values in field 1, packed or not.
Nothing here knows data_prep, protobuf or TensorFlow.
"""

import struct


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc_table()


def masked_crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return (crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8 & 0xFFFFFFFF


def read_tfrecords(content):
    """The records in the bytes of a TFRecord file, every checksum checked."""
    place, records = 0, []
    while place < len(content):
        header = content[place : place + 8]
        (size,) = struct.unpack("<Q", header)
        end = place + 12 + size
        record = content[place + 12 : end]
        assert len(record) == size
        assert struct.unpack_from("<I", content, place + 8)[0] == masked_crc32c(header)
        assert struct.unpack_from("<I", content, end)[0] == masked_crc32c(record)
        records.append(record)
        place = end + 4
    return records


def varint(content, place):
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7


def fields(content):
    """The fields of a message in order: (number, wire type, value)."""
    place, found = 0, []
    while place < len(content):
        tag, place = varint(content, place)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, place = varint(content, place)
        else:
            size = {1: 8, 5: 4}.get(wire_type)
            if size is None:
                assert wire_type == 2
                size, place = varint(content, place)
            assert place + size <= len(content)
            value, place = content[place : place + size], place + size
        found.append((number, wire_type, value))
    return found


def _integers(values):
    numbers = []
    for number, wire_type, value in fields(values):
        assert number == 1
        if wire_type == 0:
            numbers.append(value)
            continue
        place = 0
        while place < len(value):
            item, place = varint(value, place)
            numbers.append(item)
    return [number - (number >> 63 << 64) for number in numbers]


def _floats(values):
    return [
        item
        for _, _, packed in fields(values)
        for item in struct.unpack(f"<{len(packed) // 4}f", packed)
    ]


def parse_example(record):
    """The features of one Example: name -> list of int, float or bytes."""
    ((number, _, features),) = fields(record)
    assert number == 1
    parsed = {}
    for number, _, entry in fields(features):
        assert number == 1
        (key_field, _, key), (value_field, _, feature) = fields(entry)
        assert (key_field, value_field) == (1, 2)
        ((kind, _, values),) = fields(feature)
        read = {1: lambda v: [each for _, _, each in fields(v)], 2: _floats, 3: _integers}[kind]
        assert key.decode() not in parsed
        parsed[key.decode()] = read(values)
    return parsed
