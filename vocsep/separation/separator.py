"""The way of a recording: F0 of the whole, then chunk by chunk source parameters, masks and stems."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import AudioError, F0Error
from vocsep.media.locking import locked_folder
from vocsep.media.reading import RATES, analysis_stream, open_audio, require_sound, to_analysis
from vocsep.methods.registry import build_method
from vocsep.methods.settings import MethodSettings
from vocsep.model import pick_device
from vocsep.pitch.alternatives import surely_sung
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.second_look import f0_without_tails
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.chunk_stems import Audio, Recording, separate_chunks
from vocsep.separation.further import FurtherFiles
from vocsep.separation.naming import known_voices, matched
from vocsep.separation.remarks import WithConfidence, track_warnings
from vocsep.separation.results import FileReport, Separation, WholeRecording
from vocsep.separation.settings import OutputSettings, SeparatorSettings
from vocsep.separation.shares import singer_shares
from vocsep.separation.stem_files import further_files, plan_files
from vocsep.spectra import SAMPLE_RATE, frame_count

if TYPE_CHECKING:
    from vocsep.transcription.score_guide import ScoreGuide

Progress = Callable[[str, float], None]


class Separator:
    """Separates recordings; loads its models once.

    Args:
        model: weights of the estimator; the shipped ones by default.
        options: the other attributes of `vocsep.separation.settings.SeparatorSettings`, by name.

    Attributes:
        settings: what it is made of.

    Raises:
        ModelError: weights cannot be used.
        SettingsError, AudioError: a value is out of bounds; there are no stems in the folder.
    """

    def __init__(self, model: Path | str | None = None, **options: Any) -> None:
        self.settings = chosen = SeparatorSettings(model, **options)
        self.device = pick_device(chosen.device)
        given = chosen.model, chosen.adapt, chosen.stems, chosen.seed, self.device, chosen.postfilter
        self.method = build_method(chosen.method, MethodSettings(*given, filter=chosen.filter))
        self.pitch = PitchEstimator(
            chosen.pitch_model,
            chosen.refiner_model,
            device=chosen.device,
            assign=chosen.assign,
            refine=chosen.refine,
        )
        self.spatial = chosen.spatial and self.method.references is None

    def separate(
        self,
        audio: NDArray[np.floating],
        sample_rate: int,
        voices: int | None = None,
        *,
        tracks: F0Tracks | None = None,
        names: Sequence[str] | None = None,
        guide: "ScoreGuide | None" = None,
        progress: Progress | None = None,
    ) -> Separation:
        """Separate a recording in memory.

        Args:
            audio: ``(samples,)`` or ``(samples, channels)``. sample_rate: Hz, 8000 to 192000.
            voices: how many; decided from the recording (or from ``tracks``) when None.
            tracks: F0 of each voice, instead of estimating them.
            names: of the voices; those of ``tracks`` where these have names, else the highest first.
            guide: a score whose parts the voices follow, in its order; what does not fit becomes a warning.
            progress: told the stage (``pitch`` or ``separation``) and the share of it that is done.

        Raises:
            AudioError: silent, too short, or not finite. VoicesNotFound: nobody sings.
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
        tracks, names = matched(tracks, names, self.method.references is not None)
        self.method.prepare(names)
        begun, estimated = monotonic(), tracks is None and guide is None
        analysis = to_analysis(columns, sample_rate)
        require_sound(analysis, "audio")
        tracks = self._tracks(analysis, voices, tracks, len(columns) / sample_rate, progress, guide)
        found = monotonic()

        def read(position: int, count: int) -> Audio:
            return columns[position : position + count]

        recording = Recording(read, len(columns), sample_rate, analysis)
        chunks = self.chunks(recording, tracks, _of_stage(progress, "separation"), estimated=estimated)
        seed = self.settings.seed
        whole = WholeRecording(tracks.voices, columns.shape, sample_rate, len(analysis), tracks.frames, seed)
        for separated in chunks:
            whole.add(separated)
        return Separation(
            stems=whole.stems[:, :, 0] if given.ndim == 1 else whole.stems,
            sample_rate=sample_rate,
            tracks=tracks,
            parameters=whole.parameters,
            synthesised=whole.synthesised,
            confidence=chunks.confidence(),
            seconds={"pitch": found - begun, "separation": monotonic() - found},
            warnings=self._notes(tracks, guide, chunks),
        )

    def separate_file(
        self,
        path: Path | str,
        folder: Path | str,
        voices: int | None = None,
        *,
        tracks: F0Tracks | None = None,
        guide: "ScoreGuide | None" = None,
        further: Sequence[FurtherFiles] = (),
        progress: Progress | None = None,
        **options: Any,
    ) -> FileReport:
        """Separate a file of any length into one file a voice; memory stays bounded.

        Args:
            path: the recording. folder: of the stems; ``voice_1`` is the first track, or the highest voice.
            voices, guide, progress: as in `separate`. tracks: on the clock of the whole recording.
            further: more files to make of the stems. options: attributes of `OutputSettings`, by name.

        Raises:
            AudioError: the recording cannot be read or a stem not written. Others: as in `separate`.
        """
        path, folder, output = Path(path), Path(folder), OutputSettings(**options)
        tracks, names = matched(tracks, output.names, self.method.references is not None)
        output, further = replace(output, names=names), [*further_files(output, path), *further]
        self.method.prepare(output.names, output.synth)
        begun, estimated = monotonic(), tracks is None and guide is None
        with open_audio(path, output.strict) as source, locked_folder(folder):
            (first, samples), rate = source.span(output.start, output.duration), source.info.sample_rate
            known = known_voices(tracks, guide, voices, output.names)
            plan_files(source.info, folder, known or 1, output, further)  # refuses before any work
            analysis = analysis_stream(source, start=output.start, duration=output.duration)
            given = None if tracks is None else tracks.from_time(output.start)
            tracks = self._tracks(analysis, voices or known, given, source.info.seconds, progress, guide)
            files = plan_files(source.info, folder, tracks.voices, output, further)
            found = monotonic()

            def read(position: int, count: int) -> Audio:
                return source.read(first + position, count)

            recording = Recording(read, samples, rate, analysis, round(first * SAMPLE_RATE / rate))
            chunks = self.chunks(recording, tracks, _of_stage(progress, "separation"), estimated=estimated)
            gain, sure = files.write(chunks, read, self.settings.seed), chunks.confidence()
            extra, removed, said = files.write_further(tracks, first / rate, sure)
        return FileReport(
            input=path,
            stems=files.stems,
            extra=extra,
            sample_rate=rate,
            channels=files.info.channels,
            samples=samples,
            seconds_of_audio=samples / rate,
            voices=tracks.voices,
            gain_db=gain,
            statistics=tracks.voice_statistics(),
            confidence=sure,
            warnings=[*filter(None, [source.missing, said]), *self._notes(tracks, guide, chunks)],
            elapsed={"pitch": found - begun, "separation": monotonic() - found},
            removed=removed,
        )

    def _notes(self, tracks: F0Tracks, guide: "ScoreGuide | None", chunks: WithConfidence) -> list[str]:
        """What F0 tell a listener to beware of, and what does not fit the score; nothing of an oracle, which
        uses neither."""
        if self.method.references is not None:
            return []
        return track_warnings(tracks) + chunks.remarks + ([] if guide is None else guide.found)

    def _tracks(
        self,
        analysis: Audio,
        voices: int | None,
        tracks: F0Tracks | None,
        seconds: float,
        progress: Progress | None,
        guide: "ScoreGuide | None" = None,
    ) -> F0Tracks:
        """Given tracks, cut to the recording's frames, or estimated ones; an oracle's are unvoiced."""
        frames, references = frame_count(len(analysis)), self.method.references
        if references is not None:
            references.check(seconds, voices if tracks is None else tracks.voices)
            tracks = tracks or F0Tracks(np.full((references.voices, frames), np.nan))
        if tracks is None:
            return self.pitch.estimate(analysis, voices, _of_stage(progress, "pitch"), guide)
        if voices is not None and voices != tracks.voices:
            raise F0Error(f"the F0 tracks hold {tracks.voices} voices, {voices} were asked for")
        return tracks.fitted(frames)

    def chunks(
        self,
        recording: Recording,
        tracks: F0Tracks,
        progress: Callable[[float], None] | None = None,
        *,
        estimated: bool = False,
    ) -> WithConfidence:
        """A recording, chunk by chunk, and how sure that is: `vocsep.separation.chunk_stems.separate_chunks`.
        ``estimated``: only this separator says that the tracks are right."""
        shares, settings = None, self.settings  # voices that are numbered by height alone are not doubted
        if estimated and settings.share_doubt and settings.assign == "notes" and not self.method.references:
            shares = singer_shares(recording.analysis, surely_sung(tracks))
        chunks = separate_chunks(
            recording,
            tracks,
            estimate=self.method.estimate,
            device=self.device,
            spatial=self.spatial,
            f0_again=partial(f0_without_tails, self.pitch) if estimated else None,
            shares=shares,
            progress=progress,
        )
        return WithConfidence(chunks, tracks, [] if shares is None else shares.remarks())


def _of_stage(progress: Progress | None, stage: str) -> Callable[[float], None] | None:
    """What tells the share of one stage that is done."""
    return None if progress is None else lambda share: progress(stage, share)
