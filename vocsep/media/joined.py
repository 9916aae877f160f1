"""Recordings that were joined end to end, or cut off: where each part begins and ends in the file.

Ogg calls this chaining (RFC 3533, section 4) and FLAC files are joined by ``cat`` as well; decoders stop at
the end of the first part without a word. Containers that say how long they should be, or mark their end, say
whether they are all there.
"""

import mmap
import struct

Data = bytes | mmap.mmap  # of a whole file

FLAC_STARTS = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")  # mark and head of STREAMINFO, 34 bytes long
WINDOW = 1 << 26  # bytes that are searched at a time
PAGE = b"OggS"
PAGE_HEAD = 27  # bytes of a page before its table of segments
BEGINS, ENDS = 2, 4  # flags of a page: first and last of its logical stream


def ogg_links(data: Data) -> tuple[list[tuple[int, int]], bool]:
    """Bytes ``(start, stop)`` of each link of a chain, and whether the last one has its end mark.

    Args:
        data: of the whole file.
    """
    starts: list[int] = []
    open_streams: set[int] = set()
    position, beginning = 0, False
    while 0 <= position < len(data) - PAGE_HEAD:
        if data[position : position + 4] != PAGE:
            position = data.find(PAGE, position + 1)
            continue
        flags, segments = data[position + 5], data[position + 26]
        serial = int.from_bytes(data[position + 14 : position + 18], "little")
        if flags & BEGINS:
            if not beginning:  # several streams may begin together
                starts.append(position)
                open_streams.clear()
            open_streams.add(serial)
        if flags & ENDS:
            open_streams.discard(serial)
        beginning = bool(flags & BEGINS)
        head = position + PAGE_HEAD
        position = head + segments + sum(data[head : head + segments])
    return _between(starts, len(data)), not open_streams and position <= len(data)


def flac_parts(data: Data) -> list[tuple[int, int]]:
    """Bytes ``(start, stop)`` of each FLAC stream of a file."""
    starts = []
    for begin in range(0, len(data), WINDOW):
        for start in FLAC_STARTS:
            end = min(begin + WINDOW + len(start) - 1, len(data))
            position = data.find(start, begin, end)
            while position >= 0:
                starts.append(position)
                position = data.find(start, position + len(start), end)
        if isinstance(data, mmap.mmap) and hasattr(data, "madvise"):
            data.madvise(mmap.MADV_DONTNEED)  # hours of music do not stay in memory
    return _between(sorted(starts), len(data))


def _between(starts: list[int], end: int) -> list[tuple[int, int]]:
    """From each start to the next one, and from the last to the end."""
    return list(zip(starts, [*starts[1:], end][: len(starts)], strict=True))


def wav_parts(data: Data) -> tuple[list[tuple[int, int]], int]:
    """Bytes of each RIFF file of a file, and how many bytes of sound the last one promises beyond the end.

    Sizes of 0 and of 2^32 - 1 are written by programs that did not know the length, and promise nothing.
    """
    parts: list[tuple[int, int]] = []
    position, missing = 0, 0
    while data[position : position + 4] == b"RIFF" and data[position + 8 : position + 12] == b"WAVE":
        stop, missing = _riff_end(data, position)
        parts.append((position, min(stop, len(data))))
        position = stop + stop % 2
    if parts:
        parts[-1] = (parts[-1][0], len(data))
    return parts, missing


def _riff_end(data: Data, start: int) -> tuple[int, int]:
    """Where the RIFF file at ``start`` ends, and how many bytes its samples lack."""
    (size,) = struct.unpack_from("<I", data, start + 4)
    stop = start + 8 + size if 0 < size < 0xFFFF_FF00 else len(data)
    chunk = start + 12
    while chunk + 8 <= min(stop, len(data)):
        (length,) = struct.unpack_from("<I", data, chunk + 4)
        if data[chunk : chunk + 4] == b"data":
            known = 0 < length < 0xFFFF_FF00
            return stop, max(chunk + 8 + length - len(data), 0) if known else 0
        chunk += 8 + length + length % 2
    return stop, 0


def lacking_in_long(data: Data) -> int:
    """Bytes of sound that an RF64 or a W64 file promises beyond its end (EBU Tech 3306; Sony's Wave64)."""
    if data[:4] == b"RF64" and data[12:16] == b"ds64":
        (size,) = struct.unpack_from("<Q", data, 28)
        chunk = 12
        while chunk + 8 <= len(data) and data[chunk : chunk + 4] != b"data":
            (length,) = struct.unpack_from("<I", data, chunk + 4)
            chunk += 8 + length + length % 2
        return max(chunk + 8 + int(size) - len(data), 0)
    chunk = 40  # after two marks of 16 bytes and the size of the file
    while data[:4] == b"riff" and chunk + 24 <= len(data):
        (size,) = struct.unpack_from("<Q", data, chunk + 16)  # with these 24 bytes
        if data[chunk : chunk + 4] == b"data":
            return max(chunk + int(size) - len(data), 0)
        chunk += max(-(-int(size) // 8) * 8, 24)
    return 0
