"""Stems of an earlier run in the folder of this one: if they stayed, the folder would no longer add up."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vocsep.media.decode import ANY_FORMAT
from vocsep.media.names import folded
from vocsep.media.origin import SEPARATED, origin_of

MADE_OF_STEMS = ("_minus", "_synth", "_practice", "_left")  # endings of what lies beside stems and is none


@dataclass(frozen=True)
class EarlierStems:
    """What runs on the same recording have left in a folder, besides what this run writes.

    Attributes:
        comment: of this run's stems, `vocsep.media.origin.separated_from`.
        written: the stems of this run.
        recording: that was separated; it may be a stem itself, and never goes.
    """

    comment: str
    written: Sequence[Path]
    recording: Path

    def found(self) -> list[Path]:
        """Files of the same recording which belong to no voice of this run, sorted.

        None are stems of other recordings, files that do not say that vocsep made them, and mixes of a voice
        that there still is. Of stems that name no recording (older versions) those with default names count.
        """
        folder = self.written[0].parent
        kept = {folded(path.name) for path in self.written}
        kept |= {
            folded(f"{path.stem}{kind}{suffix}")
            for path in self.written
            for kind in MADE_OF_STEMS
            for suffix in {path.suffix, ".wav"}
        }
        if not folder.is_dir():
            return []
        others = (
            path
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in ANY_FORMAT and path.is_file() and folded(path.name) not in kept
        )
        return [path for path in others if self._same(path)]

    def remove(self) -> list[Path]:
        """Remove them; returns what was removed."""
        earlier = self.found()
        for path in earlier:
            path.unlink(missing_ok=True)
        return earlier

    def _same(self, path: Path) -> bool:
        if path.resolve() == self.recording.resolve():
            return False
        origin = origin_of(path)
        return origin == self.comment or (origin == SEPARATED and path.stem.startswith("voice_"))
