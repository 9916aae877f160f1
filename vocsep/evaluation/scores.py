"""All scores of all methods on all songs: reads stems, matches voices, scores each second."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vocsep.evaluation.bss_eval import TAPS, bss_eval_per_second
from vocsep.evaluation.folders import SongStems, find_stems, match_stems
from vocsep.evaluation.matching import EstimateFiles, Match, PerSecond, plan_matching
from vocsep.evaluation.seconds import in_seconds
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.evaluation.spectral_snr import spectral_snr_per_second
from vocsep.evaluation.voices import Estimate, Signals, read_estimate, read_references
from vocsep.spectra import SAMPLE_RATE

# What is scored, and what it is called: keys of JSON and CSV, and headings.
METRICS = {
    "si_sdr": "SI-SDR",
    "si_sir": "SI-SIR",
    "si_sar": "SI-SAR",
    "sdr": "SDR",
    "sir": "SIR",
    "sar": "SAR",
    "spectral_snr": "spectral SNR",
    "spectral_snr_synth": "spectral SNR, synthesised",
}

Progress = Callable[[str, float], None]
Scores = dict[str, NDArray[np.float64]]  # by metric


@dataclass(frozen=True)
class VoiceScores:
    """One voice of one song: its files, and ``(seconds,)`` dB for each of `METRICS`, NaN = not scored."""

    voice: str
    reference: Path
    stem: Path | None
    synth: Path | None
    scores: Scores


@dataclass(frozen=True)
class SongScores:
    """One song of one method; ``matching`` says how its voices were found: name, best or order."""

    song: str
    matching: str
    voices: list[VoiceScores]


@dataclass(frozen=True)
class MethodScores:
    """One method on all songs."""

    name: str
    folder: Path
    songs: list[SongScores]

    @property
    def voices(self) -> list[str]:
        """Names of all voices of all songs, each once."""
        return list(dict.fromkeys(one.voice for song in self.songs for one in song.voices))

    def pooled(self, metric: str, voice: str | None = None, song: str | None = None) -> NDArray[np.float64]:
        """All seconds of a metric, or those of one voice or song: ``(seconds,)``."""
        chosen = [
            one.scores[metric]
            for each in self.songs
            for one in each.voices
            if voice in (None, one.voice) and song in (None, each.song)
        ]
        return np.concatenate(chosen) if chosen else np.zeros(0)


@dataclass(frozen=True)
class Evaluation:
    """Everything that is known of some methods; ``notes``: one line for each thing to know besides."""

    methods: list[MethodScores]
    notes: list[str] = field(default_factory=list)


def evaluate_folders(
    references: Path,
    estimates: dict[str, Path],
    *,
    match: Match = "auto",
    filters: bool = True,
    progress: Progress = lambda stage, share: None,
) -> Evaluation:
    """Score folders of estimates against a folder of references, at 16 kHz and in mono.

    Args:
        references: stems of a song, or a folder of songs.
        estimates: folder of each method, by its name; songs are matched by name.
        match: how the voices of a song are matched.
        filters: also SDR, SIR and SAR of BSS Eval, which take most of the time.
        progress: told the song and the share of it that is done.

    Raises:
        AudioError: a folder, song or voice is missing, a file cannot be read, a reference is silent.
    """
    truth = find_stems(references)
    notes: list[str] = []
    plans: dict[str, dict[str, EstimateFiles]] = {}
    for name, folder in estimates.items():
        found = find_stems(folder)
        matched = match_stems(truth, found, folder)
        plans[name] = {title: plan_matching(song, truth[title], match) for title, song in matched.items()}
        alternative = [song.name for song in found.values() if song not in matched.values()]
        if alternative:
            notes.append(f"{folder}: no references for {', '.join(alternative)}, left out")
    scored: dict[str, list[SongScores]] = {name: [] for name in estimates}
    for title, song in truth.items():
        progress(f"{title}: reading", 0.0)
        sung = read_references(song, notes.append)
        taken = [read_estimate(plan[title], song, sung, notes.append) for plan in plans.values()]
        scores = score_song(sung, taken, filters, partial(progress, title))
        for songs, estimate, rows in zip(scored.values(), taken, scores, strict=True):
            songs.append(SongScores(title, estimate.matching, _by_voice(song, estimate, rows)))
    methods = [MethodScores(name, estimates[name], songs) for name, songs in scored.items()]
    return Evaluation(methods, notes)


def score_song(
    sung: Signals,
    estimates: Sequence[Estimate],
    filters: bool = True,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Scores]:
    """Scores of several methods on one song.

    Args:
        sung: the references, ``(voices, samples)`` at 16 kHz.
        estimates: of each method.
        filters: also SDR, SIR and SAR of BSS Eval.
        progress: told the share that is done.

    Returns:
        For each method and metric ``(voices, seconds)`` in dB; NaN where nothing is scored.
    """
    nothing = np.full((len(sung), in_seconds(sung, SAMPLE_RATE).shape[1]), np.nan)
    scores = [dict.fromkeys(METRICS, nothing) for _ in estimates]
    for estimate, rows in zip(estimates, scores, strict=True):
        if estimate.stems is not None:
            rows["si_sdr"] = _each_voice(si_sdr_per_second, sung, estimate.stems)
            rows["spectral_snr"] = _each_voice(spectral_snr_per_second, sung, estimate.stems)
        if estimate.synths is not None:
            rows["spectral_snr_synth"] = _each_voice(spectral_snr_per_second, sung, estimate.synths)
    with_stems = [number for number, estimate in enumerate(estimates) if estimate.stems is not None]
    if with_stems:
        # All methods at once: the costly part is about the references alone.
        stems = np.stack([estimate.stems for estimate in estimates if estimate.stems is not None])
        invariant = bss_eval_per_second(sung, stems, SAMPLE_RATE, None)
        filtered = bss_eval_per_second(sung, stems, SAMPLE_RATE, TAPS, progress) if filters else None
        for place, number in enumerate(with_stems):
            scores[number] |= {"si_sir": invariant.sir[place], "si_sar": invariant.sar[place]}
            if filtered is not None:
                ratios = (filtered.sdr[place], filtered.sir[place], filtered.sar[place])
                scores[number] |= dict(zip(("sdr", "sir", "sar"), ratios, strict=True))
    return scores


def _each_voice(per_second: PerSecond, sung: Signals, estimates: Signals) -> NDArray[np.float64]:
    """One voice after another: in double precision all at once would take gigabytes."""
    return np.stack([per_second(s, e, SAMPLE_RATE) for s, e in zip(sung, estimates, strict=True)])


def _by_voice(song: SongStems, estimate: Estimate, rows: Scores) -> list[VoiceScores]:
    return [
        VoiceScores(
            voice=voice,
            reference=path,
            stem=estimate.stem_files[number] if estimate.stem_files else None,
            synth=estimate.synth_files[number] if estimate.synth_files else None,
            scores={metric: values[number] for metric, values in rows.items()},
        )
        for number, (voice, path) in enumerate(song.stems.items())
    ]
