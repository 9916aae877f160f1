"""MP3 files as they are, not as their headers say: every frame is counted.

An MP3 file is a row of frames; its length stands nowhere but in a frame that some encoders put first, with
the mark ``Xing`` or ``Info``. Decoders guess the length of a file without it from its size and its first
frame, and of two files joined end to end they believe the first one's mark. So frames are counted, and where
the mark is not what was counted, a copy with a right one is what gets decoded.

Frame headers: ISO/IEC 11172-3, section 2.4.1.3, and 13818-3 for the lower rates; the mark: G. Bouvigne, "MP3
Info Tag, revision 1" (2002).
"""

from dataclasses import dataclass
from pathlib import Path

from vocsep.media.joined import Data

# kbit/s by index, for layer III of MPEG 1, and of MPEG 2 and 2.5.
BITRATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
RATES = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}  # Hz, by version
MARKS = (b"Xing", b"Info")
ENCODER_AT = 120  # bytes behind a mark with all its fields at which the encoder says who it is


@dataclass(frozen=True)
class FrameHeader:
    """What the head of a frame says: rate in Hz, channels, samples, bytes, and where a mark would be."""

    rate: int
    channels: int
    samples: int
    size: int
    mark_at: int


def frame_header(head: bytes) -> FrameHeader | None:
    """The header of a layer III frame, or None where four bytes are no such header.

    >>> frame_header(bytes.fromhex("fffb9064"))
    FrameHeader(rate=44100, channels=2, samples=1152, size=417, mark_at=36)
    """
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return None
    first = version == 3
    hertz, samples = RATES[version][rate], 1152 if first else 576
    channels = 1 if head[3] >> 6 == 3 else 2
    size = samples // 8 * 1000 * BITRATES[not first][bitrate] // hertz + (head[2] >> 1 & 1)
    side = (17 if channels == 1 else 32) if first else (9 if channels == 1 else 17)
    return FrameHeader(hertz, channels, samples, size, 4 + side)


@dataclass(frozen=True)
class Frames:
    """The audio frames of an MP3 file.

    Attributes:
        stretches: bytes ``(start, stop)`` between which audio frames stand without a gap, marks left out.
        count: of the audio frames.
        header: of the first one.
        marked: frames that the first mark counts; None where there is no mark.
        marks: how many there are; files that were joined have one each.
        first_mark: bytes ``(start, stop)`` of the frame with the first one; None where there is none.
        alike: whether all frames have one rate and number of channels.
    """

    stretches: tuple[tuple[int, int], ...]
    count: int
    header: FrameHeader
    marked: int | None
    marks: int
    first_mark: tuple[int, int] | None
    alike: bool

    @property
    def as_marked(self) -> bool:
        """Whether a decoder that believes the mark hears everything."""
        return self.marks == 1 and self.marked == self.count

    @property
    def seconds(self) -> float:
        return self.count * self.header.samples / self.header.rate


def scan(data: Data) -> Frames | None:
    """Walk from frame to frame over a whole file; tags and rubbish between frames are passed over.

    Args:
        data: of the whole file.

    Returns:
        None where fewer than two frames follow each other anywhere: no MP3 file.
    """
    position, end = _behind_tag(data, 0), len(data)
    stretches: list[list[int]] = []
    count = marks = 0
    marked: int | None = None
    first_mark: tuple[int, int] | None = None
    first: FrameHeader | None = None
    alike = True
    while position + 4 <= end:
        header = frame_header(data[position : position + 4])
        if header is None or not _goes_on(data, position, header, known=bool(count or marks)):
            position = _next_frame(data, position)
            continue
        stop = position + header.size
        if data[position + header.mark_at : position + header.mark_at + 4] in MARKS:
            marks += 1
            if first_mark is None:
                first_mark, marked = (position, stop), _marked_frames(data, position + header.mark_at)
        elif stop <= end:  # the last frame of a file that was cut off is no frame
            first = first or header
            alike = alike and (header.rate, header.channels) == (first.rate, first.channels)
            count += 1
            if stretches and stretches[-1][1] == position:
                stretches[-1][1] = stop
            else:
                stretches.append([position, stop])
        position = stop
    if first is None:
        return None
    return Frames(tuple((a, b) for a, b in stretches), count, first, marked, marks, first_mark, alike)


def _behind_tag(data: Data, position: int) -> int:
    """Where an ID3v2 tag ends that stands at ``position``; ``position`` itself where none does."""
    if data[position : position + 3] != b"ID3" or len(data) < position + 10:
        return position
    size = 0
    for byte in data[position + 6 : position + 10]:
        size = size << 7 | byte & 0x7F
    return position + 10 + size


def _goes_on(data: Data, position: int, header: FrameHeader, known: bool) -> bool:
    """Whether a frame or the end of the file follows; in what is surely MP3 the header is enough."""
    after = position + header.size
    if known or after >= len(data):
        return known or after == len(data)
    return frame_header(data[after : after + 4]) is not None


def _next_frame(data: Data, position: int) -> int:
    """The next place where a frame may begin: behind a tag, or at the next byte of ones."""
    behind = _behind_tag(data, position)
    if behind > position:
        return behind
    following = data.find(b"\xff", position + 1)
    tag = data.find(b"ID3", position, following if following >= 0 else len(data))
    if tag > position:
        return tag
    return following if following >= 0 else len(data)


def _marked_frames(data: Data, mark: int) -> int | None:
    """The number of frames that a mark counts, if it does."""
    flags = int.from_bytes(data[mark + 4 : mark + 8], "big")
    return int.from_bytes(data[mark + 8 : mark + 12], "big") if flags & 1 else None


def write_marked(data: Data, frames: Frames, target: Path) -> None:
    """Write a copy that begins with a right mark and holds the audio frames alone.

    Args:
        data: of the file.
        frames: what `scan` found in it.
        target: the file to write.
    """
    size = sum(stop - begin for begin, stop in frames.stretches)
    with target.open("wb") as file:
        file.write(_right_mark(data, frames, size))
        for begin, stop in frames.stretches:
            file.write(data[begin:stop])


def _right_mark(data: Data, frames: Frames, size: int) -> bytes:
    """A frame with a mark that counts what was found: the file's own, which knows its delay, or a new one."""
    count = frames.count.to_bytes(4, "big")
    if frames.first_mark is not None:
        frame = bytearray(data[slice(*frames.first_mark)])
        header = frame_header(bytes(frame[:4]))
        assert header is not None  # `scan` has read it
        flags = int.from_bytes(frame[header.mark_at + 4 : header.mark_at + 8], "big")
        if flags & 3 == 3 and len(frame) >= header.mark_at + ENCODER_AT + 24:
            frame[header.mark_at + 8 : header.mark_at + 16] = count + (size + len(frame)).to_bytes(4, "big")
            if flags & 15 == 15:  # the padding at the end was that of one of the files, or has been cut off
                padding = header.mark_at + ENCODER_AT + 22
                frame[padding] &= 0xF0
                frame[padding + 1] = 0
            return bytes(frame)
    start = frames.stretches[0][0]
    head = bytearray(data[start : start + 4])
    head[1] |= 1  # no checksum follows
    head[2] = head[2] & 0x0F | 0x90  # a rate of bits at which the frame can hold the mark
    header = frame_header(bytes(head))
    assert header is not None  # only the rate of bits was changed, to one that there is
    mark = MARKS[1] + (1).to_bytes(4, "big") + count
    return bytes(head) + bytes(header.mark_at - 4) + mark + bytes(header.size - header.mark_at - len(mark))
