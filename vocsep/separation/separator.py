"""The way of a recording: F0 of the whole, then chunk by chunk source parameters, masks and stems."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import AudioError, F0Error
from vocsep.media.reading import RATES, analysis_stream, open_audio, require_sound, to_analysis
from vocsep.methods.registry import MethodSettings, build_method
from vocsep.model import pick_device
from vocsep.pitch import DEFAULT_REFINE
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.chunk_stems import Audio, ReadBlock, SeparatedChunk, separate_chunks
from vocsep.separation.filing import BitDepth, StemFiles, plan_files
from vocsep.separation.further import FurtherFiles, Written, refuse_further
from vocsep.separation.notes import WithConfidence, listening_notes
from vocsep.separation.results import FileReport, Gathered, Separation
from vocsep.spectra import SAMPLE_RATE, frame_count
from vocsep.transcription.score_guide import ScoreGuide

Progress = Callable[[str, float], None]


class Separator:
    """Separates recordings; loads its models once.

    Args:
        model: weights of the estimator; the shipped ones by default.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        assign: ``viterbi`` or ``heuristic``, how F0 values become voices.
        refine: how often the pitch of each voice is looked at again, knowing the other voices.
        adapt: steps of adaptation on each stretch of the recording; None for the default, 0 for none.
        method: one of `vocsep.methods.registry.METHODS`, which docs/methods.md describes.
        stems: folder of the true stems, for the oracle methods.
        spatial: where channels differ, tell voices apart by place, too (not with an oracle).
        pitch_model, refiner_model: of both looks at the pitch; the shipped ones by default.
        postfilter: whether the masks of source models are corrected, or a file that says how.
        seed: of the noise in synthesised voices, and of what begins at random.

    Raises:
        ModelError: weights cannot be used.
        SettingsError, AudioError: a value is out of bounds; there are no stems in the folder.
    """

    def __init__(
        self,
        model: Path | str | None = None,
        *,
        device: str = "auto",
        assign: str = "viterbi",
        refine: int = DEFAULT_REFINE,
        adapt: int | None = None,
        method: str = "source-filter",
        stems: Path | str | None = None,
        spatial: bool = True,
        pitch_model: Path | str | None = None,
        refiner_model: Path | str | None = None,
        postfilter: Path | str | bool = True,
        seed: int = 0,
    ) -> None:
        self.device = pick_device(device)
        self.method = build_method(method, MethodSettings(model, adapt, stems, seed, self.device, postfilter))
        self.pitch = PitchEstimator(pitch_model, refiner_model, device=device, assign=assign, refine=refine)
        self.spatial = spatial and self.method.references is None
        self.seed = seed

    def separate(
        self,
        audio: NDArray[np.floating],
        sample_rate: int,
        voices: int | None = None,
        *,
        tracks: F0Tracks | None = None,
        names: Sequence[str] | None = None,
        progress: Progress | None = None,
    ) -> Separation:
        """Separate a recording in memory.

        Args:
            audio: ``(samples,)`` or ``(samples, channels)``.
            sample_rate: Hz, 8000 to 192000.
            voices: how many; decided from the recording (or from ``tracks``) when None.
            tracks: F0 of each voice, instead of estimating them. names: of the voices, the highest first.
            progress: told the stage (``pitch`` or ``separation``) and the share of it that is done.

        Raises:
            AudioError: silent, too short, or not finite.
            VoicesNotFound: nobody sings.
            F0Error, SettingsError: tracks or number of voices do not fit.
        """
        given = np.asarray(audio, dtype=np.float32)
        columns = given[:, None] if given.ndim == 1 else given
        if columns.ndim != 2:
            raise AudioError(f"audio of shape {np.shape(audio)}: (samples,) or (samples, channels) is needed")
        if not RATES[0] <= sample_rate <= RATES[1]:
            raise AudioError(f"audio: rate {sample_rate} Hz is not within {RATES[0]} .. {RATES[1]} Hz")
        if not np.isfinite(columns).all():
            raise AudioError("audio: a sample is not a finite number")
        self.method.prepare(names)
        begun = monotonic()
        analysis = to_analysis(columns, sample_rate)
        require_sound(analysis, "audio")
        tracks = self._tracks(analysis, voices, tracks, len(columns) / sample_rate, progress)
        found = monotonic()

        def read(position: int, count: int) -> Audio:
            return columns[position : position + count]

        heard = WithConfidence(
            self._chunks(read, len(columns), sample_rate, analysis, tracks, progress), tracks
        )
        whole = Gathered(tracks.voices, columns.shape, sample_rate, len(analysis), tracks.frames, self.seed)
        for separated in heard:
            whole.add(separated)
        return Separation(
            stems=whole.stems[:, :, 0] if given.ndim == 1 else whole.stems,
            sample_rate=sample_rate,
            tracks=tracks,
            parameters=whole.parameters,
            synthesised=whole.synthesised,
            confidence=heard.confidence(),
            seconds={"pitch": found - begun, "separation": monotonic() - found},
            warnings=self._notes(tracks),
        )

    def separate_file(
        self,
        path: Path | str,
        folder: Path | str,
        voices: int | None = None,
        *,
        tracks: F0Tracks | None = None,
        names: Sequence[str] | None = None,
        start: float = 0.0,
        duration: float | None = None,
        format: str | None = None,
        bit_depth: BitDepth | None = None,
        synth: bool = False,
        minus_one: bool = False,
        further: Sequence[FurtherFiles] = (),
        guide: ScoreGuide | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> FileReport:
        """Separate a file of any length into one file a voice; memory stays bounded.

        Args:
            path: the recording. folder: where the stems go, ``voice_1.wav`` (the highest) or ``<name>.wav``.
            voices, names, progress: as in `separate`. tracks: on the clock of the whole recording.
            start, duration: seconds of the recording to separate. overwrite: replace files that exist.
            format, bit_depth: of the stems; as the recording by default.
            synth: also write ``<name>_synth``, the synthesised voices (16 kHz), where the method has some.
            minus_one: also write ``<name>_minus``, the recording without that voice.
            further: more files to make of the stems, `vocsep.separation.further`.
            guide: a score whose parts the voices follow, in its order; what does not fit becomes a warning.

        Raises:
            AudioError: the recording cannot be read or a stem not written.
            VoicesNotFound, F0Error, SettingsError: as in `separate`.
        """
        path, folder = Path(path), Path(folder)
        self.method.prepare(names, synth)
        begun = monotonic()
        with open_audio(path) as source:
            first, samples = source.span(start, duration)
            rate = source.info.sample_rate

            def plan(count: int) -> StemFiles:
                planned = plan_files(
                    source.info,
                    folder,
                    count,
                    names=names,
                    format=format,
                    bit_depth=bit_depth,
                    synth=synth,
                    minus_one=minus_one,
                    overwrite=overwrite,
                )
                refuse_further(further, planned.stems, overwrite)
                return planned

            voices = guide.voices if guide is not None and tracks is None else voices
            known = tracks.voices if tracks is not None else voices or (len(names) if names else None)
            if known is not None:
                plan(known)  # what cannot be written is refused before any work
            analysis = analysis_stream(source, start=start, duration=duration)
            given = None if tracks is None else tracks.from_time(start)
            tracks = self._tracks(analysis, voices or known, given, source.info.seconds, progress, guide)
            files = plan(tracks.voices)
            found = monotonic()

            def read(position: int, count: int) -> Audio:
                return source.read(first + position, count)

            offset = round(first * SAMPLE_RATE / rate)
            heard = WithConfidence(
                self._chunks(read, samples, rate, analysis, tracks, progress, offset), tracks
            )
            gain = files.write(heard, read, self.seed)
        written = Written(files.stems, tracks, first / rate, files.bit_depth, overwrite)
        more = [path for one in further for path in one.write(written)]
        return FileReport(
            input=path,
            stems=files.stems,
            extra=files.minus + files.synths + more,
            sample_rate=rate,
            channels=files.info.channels,
            samples=samples,
            seconds_of_audio=samples / rate,
            voices=tracks.voices,
            gain_db=gain,
            statistics=tracks.voice_statistics(),
            confidence=heard.confidence(),
            warnings=self._notes(tracks) + (guide.found if guide is not None else []),
            elapsed={"pitch": found - begun, "separation": monotonic() - found},
        )

    def _notes(self, tracks: F0Tracks) -> list[str]:
        """What F0 tell a listener to beware of; nothing of an oracle, which does not use them."""
        return [] if self.method.references is not None else listening_notes(tracks)

    def _tracks(
        self,
        analysis: Audio,
        voices: int | None,
        tracks: F0Tracks | None,
        seconds: float,
        progress: Progress | None,
        guide: ScoreGuide | None = None,
    ) -> F0Tracks:
        """Given tracks, cut to the recording's frames, or estimated ones; an oracle's are unvoiced."""
        frames, references = frame_count(len(analysis)), self.method.references
        if references is not None:
            references.check(seconds, voices if tracks is None else tracks.voices)
            tracks = tracks or F0Tracks(np.full((references.voices, frames), np.nan))
        if tracks is None:
            told = None if progress is None else lambda share: progress("pitch", share)
            return self.pitch.estimate(analysis, voices, told, guide)
        if voices is not None and voices != tracks.voices:
            raise F0Error(f"the F0 tracks hold {tracks.voices} voices, {voices} were asked for")
        return tracks.fitted(frames)

    def _chunks(
        self,
        read: ReadBlock,
        samples: int,
        sample_rate: int,
        analysis: Audio,
        tracks: F0Tracks,
        progress: Progress | None,
        offset: int = 0,
    ) -> Iterator[SeparatedChunk]:
        """The recording, separated by separated."""
        return separate_chunks(
            read,
            samples,
            sample_rate,
            analysis,
            tracks,
            estimate=self.method.estimate,
            device=self.device,
            offset=offset,
            spatial=self.spatial,
            progress=None if progress is None else lambda share: progress("separation", share),
        )
