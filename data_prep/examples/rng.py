"""Random numbers that never change: raw output of fixed generators and our own arithmetic.

NumPy keeps the raw output of its bit generators stable over versions, but not what `Generator`
makes of it. So shuffles, integers and coin flips are made here, from raw integers.

Two sources: `RandomStream` gives the next numbers of a sequence, for a whole block at a time;
`philox` is a pure function of a key and a counter, for choices that must not depend on what else is
in the block.

Source: Doty-Humphrey 2010 (PractRand, sfc64), numpy.random.SFC64: a quarter of Philox's time.
    Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3": Philox4x32-10.
"""

from __future__ import annotations

import hashlib

import numpy as np

from data_prep.jit import compiled

_PHILOX_ROUNDS = 10
_PHILOX_MULTIPLIER_0 = np.uint64(0xD2511F53)
_PHILOX_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_PHILOX_KEY_STEP_0 = np.uint64(0x9E3779B9)
_PHILOX_KEY_STEP_1 = np.uint64(0xBB67AE85)
_LOW_32_BITS = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def seed_of(*parts: object) -> int:
    """Returns a 128-bit seed that depends on every part and on nothing else."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


@compiled
def philox(
    counter_0: np.uint64, counter_1: np.uint64, stream: np.uint64, key: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Returns four random numbers in [0, 2**32), a function of the arguments alone.

    Args:
        counter_0, counter_1: in [0, 2**32).
        stream: 64 bits, the upper half of the counter.
        key: 64 bits.
    """
    c0, c1, c2, c3 = counter_0, counter_1, stream & _LOW_32_BITS, stream >> _32
    k0, k1 = key & _LOW_32_BITS, key >> _32
    for _ in range(_PHILOX_ROUNDS):
        product_0, product_1 = _PHILOX_MULTIPLIER_0 * c0, _PHILOX_MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (
            (product_1 >> _32) ^ c1 ^ k0,
            product_1 & _LOW_32_BITS,
            (product_0 >> _32) ^ c3 ^ k1,
            product_0 & _LOW_32_BITS,
        )
        k0 = (k0 + _PHILOX_KEY_STEP_0) & _LOW_32_BITS
        k1 = (k1 + _PHILOX_KEY_STEP_1) & _LOW_32_BITS
    return c0, c1, c2, c3


class RandomStream:
    """A sequence of random numbers; every call takes the next ones."""

    def __init__(self, seed: int):
        self._generator = np.random.SFC64(seed)

    def uint64(self, count: int) -> np.ndarray:
        """Returns uint64 [count], each value equally likely."""
        return self._generator.random_raw(count)

    def uint32(self, count: int) -> np.ndarray:
        """Returns uint32 [count], each value equally likely."""
        return self.uint64(-(-count // 2)).astype("<u8", copy=False).view("<u4")[:count]

    def below(self, bound: int, count: int) -> np.ndarray:
        """Returns int64 [count] in [0, bound), by multiplication; bound below 2**31."""
        return (self.uint32(count).astype(np.uint64) * np.uint64(bound) >> 32).astype(np.int64)

    def permutation(self, count: int) -> np.ndarray:
        """Returns int64 [count], the numbers 0 to count - 1 in random order."""
        return np.argsort(self.uint64(count), kind="stable")

    def heads(self, flips: np.ndarray) -> np.ndarray:
        """Flips a fair coin `flips[i]` times and returns how often it showed heads, int64 [n]."""
        total = int(flips.sum())
        bits = np.unpackbits(self.uint64(-(-total // 64)).astype("<u8", copy=False).view(np.uint8))
        sums = np.concatenate([[0], np.cumsum(bits[:total], dtype=np.int64)])
        ends = np.cumsum(flips)
        return sums[ends] - sums[ends - flips]
