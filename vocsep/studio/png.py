"""Grey pictures of 8 bits as PNG (ISO/IEC 15948), written and read back without a library of pictures."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode_grey(picture: NDArray[np.uint8]) -> bytes:
    """A picture ``(rows, columns)``, the first row on top."""
    rows, columns = picture.shape
    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    # A byte before each row names its filter; 0 is none.
    lines = np.pad(picture, ((0, 0), (1, 0))).tobytes()
    return SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(lines, 4)) + _chunk(b"IEND", b"")


def decode_grey(data: bytes) -> NDArray[np.uint8]:
    """What `encode_grey` was given.

    Raises:
        ValueError: the bytes are nothing that it returned.
    """
    if data[:8] != SIGNATURE or len(data) < 45:
        raise ValueError("no picture of ours")
    columns, rows = struct.unpack_from(">II", data, 16)
    (length,) = struct.unpack_from(">I", data, 33)
    try:
        lines = zlib.decompress(data[41 : 41 + length])
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(lines) != rows * (columns + 1):
        raise ValueError("a picture of another size than it says")
    return np.frombuffer(lines, np.uint8).reshape(rows, columns + 1)[:, 1:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
