"""F0 tracks in a file of any format: tables of F0, or notes made of them."""

from pathlib import Path

from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.exports import BY_SUFFIX, FORMATS, Export, voice_names

TABLES = {".csv": "csv", ".json": "json", ".txt": "mirex", ".tsv": "mirex"}  # ending -> format


def format_of(output: Path, asked: str | None = None) -> str:
    """The format asked for, or that of the ending; csv of an unknown one.

    Raises:
        DependencyError: a package that it needs is not installed.

    >>> format_of(Path("tracks.tsv"))
    'mirex'
    """
    chosen = asked or (TABLES | BY_SUFFIX).get(output.suffix.lower(), "csv")
    if chosen in FORMATS:
        Export(chosen, output, ["voice_1"])  # looks whether the package is there
    return chosen


def targets_of(tracks: F0Tracks, output: Path, format: str) -> list[Path]:
    """Every file that `write_tracks` will write."""
    if format not in FORMATS:
        return [output]
    return Export(format, output, voice_names(tracks.voices, tracks.names)).targets


def write_tracks(tracks: F0Tracks, output: Path, format: str, start: float = 0.0) -> list[Path]:
    """Write the tracks, or the notes made of them.

    Args:
        tracks: F0 of each voice.
        output: the file, or what the files of the voices are named for.
        format: csv, mirex, json, or one of `vocsep.transcription.exports.FORMATS`.
        start: time of the first frame in s, on the clock of the recording.

    Returns:
        The files.

    Raises:
        F0Error: a file cannot be written.
    """
    if format in FORMATS:
        return Export(format, output, voice_names(tracks.voices, tracks.names)).write(tracks, start)
    write = {"csv": tracks.write_csv, "mirex": tracks.write_mirex, "json": tracks.write_json}
    write[format](output, start)
    return [output]
