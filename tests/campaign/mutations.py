"""Random damage to bytes, and the numbers and words that readers stumble over."""

import random
import struct
import zlib

INSERTED = (b"\0", b"\xff", b"\x7f", b"\x80", b"\r", b"\n", b" ", b"0", b"-", b"9")
SIZES = (0, 1, 255, 256, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
WORDS = (
    b"nan",
    b"inf",
    b"-inf",
    b"1e308",
    b"1e400",
    b"-1",
    b"0",
    b"1025",
    b"9" * 450,
    b"0x20",
    b"1_0",
    b"+3",
    b"",
    b"1e3",
    b"True",
    b"None",
    b"2001-99-99",
    b"!!int",
    b"&a [*a]",
    b"[" * 200,
    b"~",
    b"\x1b[31m",
)
LARGEST = 400_000  # bytes of a changed file


def damaged(data, generator):
    """Return bytes with one change or some, most near the beginning, where headers are."""
    data = bytearray(data)
    for _ in range(generator.choice((1, 1, 1, 2, 3, 5, 10, 40))):
        _change(data, generator)
        del data[LARGEST:]
    return bytes(data)


def reworded(data, generator):
    """Return text with a word taken out, doubled or replaced by one that is hard to read."""
    separator = generator.choice((b" ", b"\n", b": ", b", "))
    words = data.split(separator)
    place = generator.randrange(len(words))
    kind = generator.randrange(4)
    if kind == 0:
        del words[place]
    elif kind == 1:
        words.insert(place, words[place])
    else:
        words[place] = generator.choice(WORDS)
    return separator.join(words)


def with_png_sums(data):
    """Return a damaged PNG with right check sums, so that the damage reaches the decoder."""
    made, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        if at + 12 + size > len(data):
            break
        chunk = data[at + 4 : at + 8 + size]
        made += data[at : at + 4] + chunk + struct.pack(">I", zlib.crc32(chunk))
        at += 12 + size
    return bytes(made) + data[at:]


def _change(data, generator):
    kind, length = generator.randrange(7), len(data)
    near = generator.random() < 0.4
    at = min(length, generator.randrange(200)) if near else generator.randrange(length + 1)
    if kind == 0 and data:
        data[at % length] ^= 1 << generator.randrange(8)
    elif kind == 1 and data:
        data[at % length] = generator.randrange(256)
    elif kind == 2:
        data[at:at] = generator.choice(INSERTED) * generator.choice((1, 1, 2, 8))
    elif kind == 3:
        del data[at : at + generator.choice((1, 1, 2, 4, 16, 100))]
    elif kind == 4:
        data[at : at + 4] = struct.pack(generator.choice("<>") + "I", generator.choice(SIZES))
    elif kind == 5:
        del data[at:]
    else:
        start = generator.randrange(length + 1)
        data[at:at] = data[start : start + generator.choice((1, 4, 20, 200))]


def generator_of(target, seed):
    """Return the random numbers of one target's try ``seed``."""
    return random.Random(f"{target} {seed}")
