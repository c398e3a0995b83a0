"""Which half of the labelled images may be fitted to, and which is kept for measuring.

What is trained or calibrated on these images sees one half only; a figure that would flatter it is told on the other.
Halves never share a person where the labels say who is who.
"""

import hashlib


def held_out(key: str) -> bool:
    """Whether what bears this key belongs to the half that nothing is fitted to.

    The key is the subject where images of one person could fall into both halves, else the file's name without its
    folder. The last bit of the first byte of its SHA-256 decides: no list to keep, and the same on every machine.
    """
    return hashlib.sha256(key.encode()).digest()[0] % 2 == 1
