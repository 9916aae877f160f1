"""What a pitch corrected by hand is worth: `python -m benchmarks.studio DATA_DIR`.

Drives ``vocsep studio`` as its page does. A real quartet is separated with F0 of which one octave is wrong,
and the duet with F0 of which a stretch has the voices exchanged; one edit puts each right, and the passage is
separated again. The estimate of the duet, too, gets one edit for each stretch in which its voices are
exchanged. Beside the SI-SDR of each voice (dB, whole recording) stands what the same F0 give by file, as
``vocsep separate --f0`` does it. ``studio_session`` measures a session of ten minutes of music.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from studio_process import Studio

from benchmarks.mixtures import Recording, recordings
from benchmarks.options import new_parser, run
from vocsep import Separator
from vocsep.errors import AudioError
from vocsep.evaluation.exchanges import exchanges
from vocsep.evaluation.si_sdr import si_sdr
from vocsep.media.writing import StemWriter
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import SAMPLE_RATE
from vocsep.studio.edits import Edit, edited
from vocsep.studio.project import Project

WRONG = Edit("shift", 1, 6.0, 10.0, cents=1200.0)  # an octave of the alto
EXCHANGED = Edit("give", 0, 3.2, 5.3, 1)  # where one of the duet sings a third above the other


def benchmark(options: argparse.Namespace) -> None:
    """Print SI-SDR before a correction, after it, and of the same F0 by file."""
    data = options.data
    quartet, duet = one(data, "csd_nino_dios/singers_1", 20.0), one(data, "real/duet_4", None)
    print(f"{'':42}" + "SI-SDR of each voice (dB)")
    with tempfile.TemporaryDirectory() as work:
        studio = Studio("-o", Path(work) / "projects")
        try:
            back = Edit("shift", WRONG.voice, WRONG.start, WRONG.end, cents=-WRONG.cents)
            for recording, wrong, right in ((quartet, WRONG, back), (duet, EXCHANGED, EXCHANGED)):
                truth = recording.reference
                assert truth is not None
                correct(
                    studio,
                    Path(work),
                    recording,
                    wrong.apply(truth),
                    [right],
                    f"F0 of the stems, {wrong.kind}",
                )
            correct(studio, Path(work), duet, None, None, "estimated F0")
        finally:
            studio.kill()


def correct(
    studio: Studio,
    work: Path,
    recording: Recording,
    f0: F0Tracks | None,
    edits: list[Edit] | None,
    title: str,
) -> None:
    """Separate, edit and separate again; without edits, one for each stretch of exchanged voices."""
    print(f"{recording.name}, {title}")
    file, voices = work / f"{Path(recording.name).name}.wav", len(recording.stems)
    with StemWriter([file], SAMPLE_RATE, 1, "wav", "float", overwrite=True) as writer:
        writer.write([recording.mixture[:, None]])
    table = work / "f0.csv"
    if f0 is not None:
        f0.write_csv(table)
    project = studio.ask("open", {"path": str(file)})["project"]
    studio.do("separate", {"voices": voices, "f0": None if f0 is None else str(table)}, 300)
    show("  before", recording, Path(project["folder"]))
    before = Project.open(Path(project["folder"]))
    truth = recording.reference
    assert before.tracks is not None and truth is not None
    if edits is None:
        order = best_order(recording, before)
        found = exchanges(truth, before.tracks, order)
        edits = [Edit("give", order[0], stretch.start, stretch.end, order[1]) for stretch in found]
    for edit in edits:
        studio.ask("edits", {"edit": edit.to_dict()})
    begun = time.monotonic()
    studio.do("separate-again", {}, 300)
    took, changed = time.monotonic() - begun, sum((edit.end or 0.0) - edit.start for edit in edits)
    show(
        f"  {len(edits)} edits of {changed:.1f} s, again in {took:.1f} s", recording, Path(project["folder"])
    )
    by_file = Separator(device="cpu").separate(
        recording.mixture, SAMPLE_RATE, tracks=edited(F0Tracks(before.tracks.frequencies), edits)
    )
    print_scores("  the same F0 by file", recording, by_file.stems)


def best_order(recording: Recording, project: Project) -> list[int]:
    """The row of the estimate that is each voice of the truth, for most of the time."""
    truth = recording.reference
    assert truth is not None and project.tracks is not None
    orders = ([0, 1], [1, 0])
    lengths = [
        sum(stretch.end - stretch.start for stretch in exchanges(truth, project.tracks, order))
        for order in orders
    ]
    return orders[int(np.argmin(lengths))]


def show(title: str, recording: Recording, folder: Path) -> None:
    project = Project.open(folder)
    print_scores(
        title, recording, np.stack([soundfile.read(stem, dtype="float32")[0] for stem in project.stems])
    )
    project.close()


def print_scores(title: str, recording: Recording, stems: np.ndarray) -> None:
    """In the order that fits better, as the voices of an estimate may come in either."""
    scores = [
        [float(si_sdr(true, stem)) for true, stem in zip(recording.stems, some, strict=True)]
        for some in (stems, stems[::-1])
    ]
    best = max(scores, key=sum)
    print(
        f"{title:42}" + " ".join(f"{score:6.2f}" for score in best) + f"   mean {np.mean(best):6.2f}",
        flush=True,
    )


def one(data: Path, only: str, seconds: float | None) -> Recording:
    for recording in recordings(data, only, 0.0, seconds):
        if recording.reference is not None:
            return recording
    raise AudioError(f"{data}: holds no {only} with f0_of_stems.csv")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("studio", __doc__)
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
