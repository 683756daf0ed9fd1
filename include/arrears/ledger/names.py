"""Random names for many accounts at once: the same ones that ``random_uuid`` would draw one by one."""

import numpy as np
import pyarrow as pa

from arrears.core.entropy import Entropy

GROUPS = ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24))
"""From where to where of the 32 hex digits, and where they begin in the text with its hyphens."""

SIZE, LENGTH = 16, 36


def random_names(entropy: Entropy, count: int) -> pa.Array:
    """Return version 4 UUIDs drawn from ``entropy``."""
    drawn = np.frombuffer(entropy.take(SIZE * count), dtype=np.uint8).reshape(count, SIZE).copy()
    drawn[:, 6] = drawn[:, 6] & 0x0F | 0x40
    drawn[:, 8] = drawn[:, 8] & 0x3F | 0x80
    digits = np.frombuffer(drawn.tobytes().hex().encode(), dtype=np.uint8).reshape(count, 2 * SIZE)
    letters = np.full((count, LENGTH), ord("-"), dtype=np.uint8)
    for start, end, place in GROUPS:
        letters[:, place : place + end - start] = digits[:, start:end]
    offsets = np.arange(0, LENGTH * (count + 1), LENGTH, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(letters.tobytes()))
