"""Random numbers that stay the same: raw SFC64 words and our own arithmetic.

NumPy keeps the raw output of its bit generators stable over versions, but not what `Generator`
makes of it; so shuffles, integers and coin flips are made here, from raw 64-bit words.

Source: Doty-Humphrey 2010 (PractRand, sfc64), numpy.random.SFC64: a quarter of Philox's time.
"""

from __future__ import annotations

import hashlib

import numpy as np


def seed_of(*parts: object) -> int:
    """Returns a 128-bit seed that depends on every part and on nothing else."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


class RandomWords:
    """A stream of random words; every call takes the next ones."""

    def __init__(self, seed: int):
        self._generator = np.random.SFC64(seed)

    def uint64(self, count: int) -> np.ndarray:
        """Returns uint64 [count], each value equally likely."""
        return self._generator.random_raw(count)

    def uint32(self, count: int) -> np.ndarray:
        """Returns uint32 [count], each value equally likely."""
        return self.uint64(-(-count // 2)).astype("<u8", copy=False).view("<u4")[:count]

    def uniform(self, count: int) -> np.ndarray:
        """Returns float64 [count] in [0, 1), multiples of 2**-53."""
        return (self.uint64(count) >> np.uint64(11)) * 2.0**-53

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
