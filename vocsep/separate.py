"""The way of a recording: F0 of the whole, then chunk by chunk source parameters, masks and stems."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.adapt import DEFAULT_STEPS
from vocsep.audio import analysis_stream, open_audio, require_sound, to_analysis
from vocsep.chunks import FADE, Chunk, plan_chunks
from vocsep.errors import AudioError, F0Error, SettingsError
from vocsep.explain import Explanation, explain
from vocsep.masks import wiener_filter
from vocsep.model import load_estimator, pick_device
from vocsep.pitch.estimate import MOST_VOICES, PitchEstimator
from vocsep.pitch.tracks import F0Tracks
from vocsep.results import FileReport, Separation
from vocsep.source.voice import SourceParameters
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count
from vocsep.stems import StemWriter, default_format

Progress = Callable[[str, float], None]
Audio = NDArray[np.float32]
ReadBlock = Callable[[int, int], Audio]  # first sample, number of samples -> (samples, channels)

METHODS = ("source-filter", "comb")
UNISON_SHARE = 0.15  # of the time in which both sing, from which unison is worth a warning
UNISON = 0.5  # semitones


@dataclass(frozen=True)
class _Heard:
    """The part of a chunk that is heard, with its explanation."""

    chunk: Chunk
    stems: Audio  # (voices, samples, channels) weighted, from chunk.first on
    explanation: Explanation


class Separator:
    """Separates recordings; loads its models once.

    Args:
        model: weights of the estimator; the shipped ones by default.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        assign: ``viterbi`` or ``heuristic``, how F0 values become voices.
        adapt: steps of adaptation on each stretch of the recording; None for the default, 0 for none.
        method: ``source-filter``, or ``comb``: harmonics without any learned or adapted filter.
        pitch_model: weights of the salience network; the shipped ones by default.
        seed: of the noise in synthesised voices.

    Raises:
        ModelError: weights cannot be used.
        SettingsError: a value is out of bounds.
    """

    def __init__(
        self,
        model: Path | str | None = None,
        *,
        device: str = "auto",
        assign: str = "viterbi",
        adapt: int | None = None,
        method: str = "source-filter",
        pitch_model: Path | str | None = None,
        seed: int = 0,
    ) -> None:
        if method not in METHODS:
            raise SettingsError(f"method: {method!r} is not one of {', '.join(METHODS)}")
        if adapt is not None and adapt < 0:
            raise SettingsError(f"adapt: {adapt} steps, at least 0 are possible")
        self.device = pick_device(device)
        self.pitch = PitchEstimator(pitch_model, device=str(self.device), assign=assign)
        self.estimator = None
        if method == "source-filter":
            self.estimator = load_estimator(model).to(self.device).eval()
        self.steps = 0 if method == "comb" else DEFAULT_STEPS if adapt is None else adapt
        self.seed = seed

    def separate(
        self,
        audio: NDArray[np.floating],
        sample_rate: int,
        voices: int | None = None,
        *,
        tracks: F0Tracks | None = None,
        progress: Progress | None = None,
    ) -> Separation:
        """Separate a recording in memory.

        Args:
            audio: ``(samples,)`` or ``(samples, channels)``.
            sample_rate: Hz, 8000 to 192000.
            voices: how many; decided from the recording (or from ``tracks``) when None.
            tracks: F0 of each voice, instead of estimating them.
            progress: told the stage (``pitch`` or ``separation``) and the share of it that is done.

        Raises:
            AudioError: silent, too short, or not finite.
            VoicesNotFound: nobody sings.
            F0Error, SettingsError: tracks or number of voices do not fit.
        """
        columns = np.asarray(audio, dtype=np.float32)
        mono = columns.ndim == 1
        columns = columns[:, None] if mono else columns
        if columns.ndim != 2:
            raise AudioError(f"audio of shape {np.shape(audio)}: (samples,) or (samples, channels) is needed")
        if not 8_000 <= sample_rate <= 192_000:
            raise AudioError(f"audio: rate {sample_rate} Hz is not within 8000 .. 192000 Hz")
        if not np.isfinite(columns).all():
            raise AudioError("audio: a sample is not a finite number")
        begun = monotonic()
        analysis = to_analysis(columns, sample_rate)
        require_sound(analysis, "audio")
        tracks = self._tracks(analysis, voices, tracks, progress)
        found = monotonic()
        stems = np.zeros((tracks.voices, *columns.shape), np.float32)
        synthesised = np.zeros((tracks.voices, len(analysis)), np.float32)
        parameters: list[SourceParameters] = []
        for heard in self._heard(lambda a, n: columns[a : a + n], len(columns), sample_rate, analysis, tracks, progress):
            first = heard.chunk.first * sample_rate
            stems[:, first : first + heard.stems.shape[1]] += heard.stems
            voice = self._synthesised(heard)
            low = heard.chunk.first * SAMPLE_RATE
            synthesised[:, low : low + voice.shape[1]] += voice
            parameters.append(_own_frames(heard, tracks.frames))
        return Separation(
            stems=stems[:, :, 0] if mono else stems,
            sample_rate=sample_rate,
            tracks=tracks,
            parameters=_joined(parameters),
            synthesised=synthesised,
            seconds={"pitch": found - begun, "separation": monotonic() - found},
            warnings=listening_notes(tracks),
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
        bit_depth: int | str | None = None,
        synth: bool = False,
        minus_one: bool = False,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> FileReport:
        """Separate a file of any length into one file a voice; memory stays bounded.

        Args:
            path: the recording. folder: where the stems go, ``voice_1.wav`` (the highest) and so on.
            voices, tracks, progress: as in `separate`. ``tracks`` are on the clock of the whole recording.
            names: of the stems, instead of ``voice_1`` ...
            start, duration: seconds of the recording to separate.
            format, bit_depth: of the stems; as the recording by default.
            synth: also write ``<name>_synth``, the synthesised voices (16 kHz).
            minus_one: also write ``<name>_minus``, the recording without that voice.
            overwrite: replace files that exist.

        Raises:
            AudioError: the recording cannot be read or a stem not written.
            VoicesNotFound, F0Error, SettingsError: as in `separate`.
        """
        path, folder = Path(path), Path(folder)
        begun = monotonic()
        with open_audio(path) as source:
            first, samples = source.span(start, duration)
            info = source.info
            analysis = analysis_stream(source, start=start, duration=duration)
            if tracks is not None:
                tracks = tracks.from_time(start)
            tracks = self._tracks(analysis, voices, tracks, progress)
            found = monotonic()
            stem_names = list(names) if names is not None else [f"voice_{j + 1}" for j in range(tracks.voices)]
            if len(stem_names) != tracks.voices:
                raise SettingsError(f"names: {len(stem_names)} names for {tracks.voices} voices")
            chosen, depth = default_format(info, format, bit_depth)  # type: ignore[arg-type]
            stems = [folder / f"{name}.{chosen}" for name in stem_names]
            minus = [folder / f"{name}_minus.{chosen}" for name in stem_names] if minus_one else []
            synths = [folder / f"{name}_synth.wav" for name in stem_names] if synth else []

            def read(position: int, count: int) -> Audio:
                return source.read(first + position, count)

            blocks = self._heard(read, samples, info.sample_rate, analysis, tracks, progress)
            with StemWriter(stems + minus, info.sample_rate, info.channels, chosen, depth, overwrite) as writer:
                if synths:
                    with StemWriter(synths, SAMPLE_RATE, 1, "wav", depth, overwrite) as synth_writer:
                        self._write(blocks, read, info.sample_rate, writer, minus_one, synth_writer)
                else:
                    self._write(blocks, read, info.sample_rate, writer, minus_one, None)
        return FileReport(
            input=path,
            stems=stems,
            extra=minus + synths,
            sample_rate=info.sample_rate,
            channels=info.channels,
            samples=samples,
            seconds_of_audio=samples / info.sample_rate,
            voices=tracks.voices,
            gain_db=writer.gain_db,
            statistics=tracks.voice_statistics(),
            warnings=listening_notes(tracks),
            elapsed={"pitch": found - begun, "separation": monotonic() - found},
        )

    def _tracks(
        self, analysis: Audio, voices: int | None, tracks: F0Tracks | None, progress: Progress | None
    ) -> F0Tracks:
        """Given tracks, cut to the recording's frames, or estimated ones."""
        if voices is not None and not 1 <= voices <= MOST_VOICES:
            raise SettingsError(f"voices: {voices} is outside of 1 to {MOST_VOICES}")
        if tracks is None:
            told = None if progress is None else lambda share: progress("pitch", share)
            return self.pitch.estimate(analysis, voices, told)
        if voices is not None and voices != tracks.voices:
            raise F0Error(f"the F0 tracks hold {tracks.voices} voices, {voices} were asked for")
        return tracks.fitted(frame_count(len(analysis)))

    def _heard(
        self,
        read: ReadBlock,
        samples: int,
        sample_rate: int,
        analysis: Audio,
        tracks: F0Tracks,
        progress: Progress | None,
    ) -> Iterator[_Heard]:
        """Explain and filter chunk after chunk."""
        chunks = plan_chunks(samples / sample_rate)
        for index, chunk in enumerate(chunks):

            def told(share: float, index: int = index) -> None:
                if progress is not None:
                    progress("separation", (index + share) / len(chunks))

            final = index + 1 == len(chunks)
            begin, end = chunk.begin * SAMPLE_RATE, len(analysis) if final else int(chunk.end) * SAMPLE_RATE
            mixture = torch.from_numpy(analysis[begin:end]).to(self.device)
            frames = tracks.slice(begin // HOP, begin // HOP + frame_count(end - begin))
            explanation = explain(mixture, frames.as_input().to(self.device), self.estimator, self.steps, told)
            low = chunk.begin * sample_rate
            known = read(low, (samples if final else int(chunk.end) * sample_rate) - low)
            audio = torch.from_numpy(np.ascontiguousarray(known.T)).to(self.device)
            stems = wiener_filter(audio, sample_rate, explanation.masks, explanation.powers)
            skip = (chunk.first - chunk.begin) * sample_rate
            count = (samples if final else int(chunk.last) * sample_rate) - chunk.first * sample_rate
            heard = stems[:, :, skip : skip + count].transpose(1, 2).cpu().numpy()
            yield _Heard(chunk, heard * chunk.weights(sample_rate, count), explanation)
            told(1.0)

    def _synthesised(self, heard: _Heard) -> Audio:
        """The synthesised voices of a heard part, weighted, ``(voices, samples)``."""
        voices = heard.explanation.synthesised(self.seed).cpu().numpy()
        skip = (heard.chunk.first - heard.chunk.begin) * SAMPLE_RATE
        count = voices.shape[1] - skip
        if heard.chunk.fades_out:
            count = (int(heard.chunk.last) - heard.chunk.first) * SAMPLE_RATE
        weights = heard.chunk.weights(SAMPLE_RATE, count)[:, 0]
        return np.asarray(voices[:, skip : skip + count] * weights)

    def _write(
        self,
        blocks: Iterator[_Heard],
        read: ReadBlock,
        sample_rate: int,
        writer: StemWriter,
        minus_one: bool,
        synth_writer: StemWriter | None,
    ) -> None:
        """Add the fades of neighbouring chunks and write what is complete."""
        stem_tail: Audio | None = None
        synth_tail: Audio | None = None
        for heard in blocks:
            ready, stem_tail = _complete(heard.stems, stem_tail, 2 * FADE * sample_rate * heard.chunk.fades_out)
            files = list(ready)
            if minus_one:
                mixture = read(heard.chunk.first * sample_rate, ready.shape[1])
                files += [mixture - stem for stem in ready]
            writer.write(files)
            if synth_writer is not None:
                voices = self._synthesised(heard)[:, :, None]
                done, synth_tail = _complete(voices, synth_tail, 2 * FADE * SAMPLE_RATE * heard.chunk.fades_out)
                synth_writer.write(list(done))


def _complete(block: Audio, tail: Audio | None, held: int) -> tuple[Audio, Audio]:
    """Add the tail of the block before; hold back the last ``held`` samples, which the next block completes."""
    if tail is not None:
        block[:, : tail.shape[1]] += tail
    cut = block.shape[1] - held
    return block[:, :cut], block[:, cut:].copy()


def _own_frames(heard: _Heard, frames: int) -> SourceParameters:
    """Parameters of the frames between the chunk's edges, each frame in one chunk only, on the CPU."""
    chunk = heard.chunk
    low = chunk.first + FADE if chunk.fades_in else chunk.first
    first = low * SAMPLE_RATE // HOP
    last = (int(chunk.last) - FADE) * SAMPLE_RATE // HOP if chunk.fades_out else frames
    offset = chunk.begin * SAMPLE_RATE // HOP
    return heard.explanation.parameters.frames_slice(first - offset, last - offset).to("cpu")


def _joined(parts: list[SourceParameters]) -> SourceParameters:
    """Chunks after one another; the noise filters, one a chunk, are averaged."""
    corrections = [part.correction for part in parts if part.correction is not None]
    return SourceParameters(
        f0=torch.cat([part.f0 for part in parts], dim=2),
        alpha=torch.cat([part.alpha for part in parts], dim=2),
        gain=torch.cat([part.gain for part in parts], dim=2),
        lsf=torch.cat([part.lsf for part in parts], dim=2),
        noise_magnitudes=torch.stack([part.noise_magnitudes for part in parts]).mean(dim=0),
        correction=torch.cat(corrections, dim=2) if corrections else None,
    )


def listening_notes(tracks: F0Tracks) -> list[str]:
    """What a listener should know before trusting the stems: silent voices, and voices that share one pitch for long."""
    notes = []
    pitch = 12 * np.log2(np.where(tracks.voiced, tracks.frequencies, np.nan))
    for voice, share in enumerate(tracks.voiced.mean(axis=1), start=1):
        if share < 0.02:
            notes.append(f"voice {voice} sings in {100 * share:.0f} % of the time: are there fewer voices?")
    for voice in range(tracks.voices - 1):
        distance = np.abs(pitch[voice] - pitch[voice + 1])
        both = np.isfinite(distance)
        if both.any() and np.mean(distance[both] < UNISON) > UNISON_SHARE:
            share = 100 * np.mean(distance[both] < UNISON)
            notes.append(
                f"voices {voice + 1} and {voice + 2} sing in unison in {share:.0f} % of the time in which both sing: "
                "there they cannot be told apart well"
            )
    return notes
