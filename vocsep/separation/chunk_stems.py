"""Chunk after chunk of a recording, estimated and filtered, ready to be faded into each other."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.filtering.upsampling import in_channels
from vocsep.filtering.wiener import wiener_filter
from vocsep.media.analysis_file import give_back
from vocsep.memory import still_wanted, worked_at_once
from vocsep.methods.protocol import SeparationMethod, SourceEstimate
from vocsep.pitch.alternatives import alternatives_of, surely_sung
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.chunks import FADE, Chunk, halves, plan_chunks
from vocsep.separation.shares import SingerShares
from vocsep.source.voice import SourceParameters
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count

Audio = NDArray[np.float32]
LONG = 600.0  # s: of longer recordings one chunk is in work at a time, whose memory stays the smallest
VOICES_AT_ONCE = 8  # in all chunks in work at a time: four more take some 600 MB

ReadBlock = Callable[[int, int], Audio]  # first sample, number of samples -> (samples, channels)
F0Again = Callable[[Tensor, Tensor], Tensor | None]  # mixture (samples,), F0 (voices, frames) in Hz -> F0


@dataclass(frozen=True)
class Recording:
    """What is separated.

    Attributes:
        read: gives samples of the original.
        samples: length of the original.
        sample_rate: Hz, of the original.
        analysis: ``(samples at 16 kHz,)`` the mono copy.
        offset: sample of the whole file at 16 kHz at which ``analysis`` begins.
    """

    read: ReadBlock
    samples: int
    sample_rate: int
    analysis: Audio
    offset: int = 0


@dataclass(frozen=True)
class SeparatedChunk:
    """The stems of a chunk.

    Attributes:
        chunk: where it lies.
        stems: ``(voices, samples, channels)`` from ``chunk.first`` on, faded where the neighbours take over.
        estimated: what the method says of the whole chunk.
    """

    chunk: Chunk
    stems: Audio
    estimated: SourceEstimate

    def synthesised(self, seed: int) -> Audio | None:
        """The voices as the source model sings them, ``(voices, samples)`` at 16 kHz, faded likewise; None
        without a source model."""
        sung = self.estimated.synthesised(seed)
        if sung is None:
            return None
        voices = sung.cpu().numpy()
        skip = (self.chunk.first - self.chunk.begin) * SAMPLE_RATE
        count = voices.shape[1] - skip
        if self.chunk.fades_out:
            count = (int(self.chunk.last) - self.chunk.first) * SAMPLE_RATE
        return np.asarray(voices[:, skip : skip + count] * self.chunk.weights(SAMPLE_RATE, count)[:, 0])

    def own_parameters(self, frames: int) -> SourceParameters | None:
        """Parameters between the chunk's edges: each of the recording's ``frames`` is in one chunk only. None
        without a source model."""
        own, parameters = self._own_frames(frames), self.estimated.parameters
        return None if parameters is None else parameters.frames_slice(own.start, own.stop).to("cpu")

    def own_energy(self, frames: int) -> Tensor:
        """Energies ``(2, voices, frames)`` between the chunk's edges, for `vocsep.filtering.confidence`."""
        return self.estimated.energy[..., self._own_frames(frames)].cpu()

    def _own_frames(self, frames: int) -> slice:
        chunk = self.chunk
        low = chunk.first + FADE if chunk.fades_in else chunk.first
        first = low * SAMPLE_RATE // HOP
        last = (int(chunk.last) - FADE) * SAMPLE_RATE // HOP if chunk.fades_out else frames
        offset = chunk.begin * SAMPLE_RATE // HOP
        return slice(first - offset, last - offset)


def separate_chunks(
    recording: Recording,
    tracks: F0Tracks,
    *,
    estimate: SeparationMethod,
    device: torch.device,
    spatial: bool = False,
    f0_again: F0Again | None = None,
    shares: SingerShares | None = None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[SeparatedChunk]:
    """Estimate and filter a recording chunk by chunk; a few chunks at a time are in memory, of long ones one.

    Args:
        recording: what is separated.
        tracks: F0 of all voices for the whole recording.
        estimate: the method.
        device: where to compute.
        spatial: also tell voices apart by where they are, as in `vocsep.filtering.wiener.wiener_filter`.
        f0_again: estimates F0 of a chunk in another way; None where the tracks are known to be right.
        shares: who has how much of what lies on each track; None where that is known.
        progress: told the share done, 0 to 1.
    """
    chunks = plan_chunks(recording.samples / recording.sample_rate)
    told = ShareDone(chunks[-1].last, progress)

    def work(chunk: Chunk) -> SeparatedChunk:
        def done(share: float) -> None:
            still_wanted()
            told(chunk, share)

        separated = _separated(recording, tracks, chunk, estimate, device, spatial, f0_again, done)
        return separated if shares is None else _shared(separated, shares, recording.sample_rate)

    most = max(VOICES_AT_ONCE // tracks.voices, 1) if chunks[-1].last <= LONG else 1
    for separated in worked_at_once(chunks, work, halves, device, most):
        give_back(recording.analysis)
        yield separated
        told(separated.chunk, 1.0)


class ShareDone:
    """How much of a recording is done, told by chunks that are in work at the same time.

    Args:
        whole: seconds of the recording.
        progress: told the share of it, from one thread at a time.
    """

    def __init__(self, whole: float, progress: Callable[[float], None] | None) -> None:
        self._whole, self._progress, self._lock = whole, progress, threading.Lock()
        self._seconds: dict[float, float] = {}  # by where a chunk takes over

    def __call__(self, chunk: Chunk, share: float) -> None:
        """A share of the chunk is done; a chunk that is begun again goes back in nothing that was told."""
        if self._progress is not None:
            first, last = chunk.edges
            with self._lock:
                self._seconds[first] = max(share * (last - first), self._seconds.get(first, 0.0))
                self._progress(min(sum(self._seconds.values()) / self._whole, 1.0))


def _separated(
    recording: Recording,
    tracks: F0Tracks,
    chunk: Chunk,
    estimate: SeparationMethod,
    device: torch.device,
    spatial: bool,
    f0_again: F0Again | None,
    progress: Callable[[float], None],
) -> SeparatedChunk:
    """One chunk of `separate_chunks`."""
    samples, sample_rate, analysis = recording.samples, recording.sample_rate, recording.analysis
    final = not chunk.fades_out
    begin, end = chunk.begin * SAMPLE_RATE, len(analysis) if final else int(chunk.end) * SAMPLE_RATE
    mixture = torch.from_numpy(analysis[begin:end]).to(device)
    first, last = begin // HOP, begin // HOP + frame_count(end - begin)
    every = surely_sung(tracks), alternatives_of(tracks)
    f0, alternative = (t.slice(first, last).as_input().to(device) for t in every)
    place = recording.offset + begin
    again = None if f0_again is None else partial(f0_again, mixture, f0)
    estimated = estimate(mixture, f0, alternative=alternative, first=place, f0_again=again, progress=progress)
    low = chunk.begin * sample_rate
    known = recording.read(low, (samples if final else int(chunk.end) * sample_rate) - low)
    audio = torch.from_numpy(np.ascontiguousarray(known.T)).to(device)
    grid = estimated.fft_size, estimated.hop
    stems = wiener_filter(audio, sample_rate, estimated.masks, estimated.powers, *grid, spatial)
    if estimated.correction is not None:
        found = in_channels(estimated.correction, mixture, audio, sample_rate)
        stems = stems if found is None else stems + found
    skip = (chunk.first - chunk.begin) * sample_rate
    count = (samples if final else int(chunk.last) * sample_rate) - chunk.first * sample_rate
    own = stems[:, :, skip : skip + count].transpose(1, 2).cpu().numpy()
    return SeparatedChunk(chunk, own * chunk.weights(sample_rate, count), estimated)


def _shared(separated: SeparatedChunk, shares: SingerShares, sample_rate: int) -> SeparatedChunk:
    """A chunk whose stems are those of singers, less sure of what is not surely theirs."""
    chunk, estimated = separated.chunk, separated.estimated
    total, own = estimated.energy
    first = chunk.begin * SAMPLE_RATE // HOP
    kept = torch.from_numpy(shares.kept(first, first + own.shape[-1])).to(own.device)
    stems = shares.mixed(separated.stems, chunk.first, sample_rate)
    return SeparatedChunk(chunk, stems, replace(estimated, energy=torch.stack((total, own * kept))))


class OverlapAdd:
    """Joins the faded blocks ``(voices, samples, channels)`` of successive chunks."""

    def __init__(self, sample_rate: int) -> None:
        self._held = 2 * FADE * sample_rate
        self._tail: Audio | None = None

    def join(self, block: Audio, chunk: Chunk) -> Audio:
        """What is complete: the block without its fade out, which waits for the next one."""
        if self._tail is not None:
            block[:, : self._tail.shape[1]] += self._tail
        cut = block.shape[1] - (self._held if chunk.fades_out else 0)
        self._tail = block[:, cut:].copy()
        return block[:, :cut]


def joined_parameters(parts: list[SourceParameters]) -> SourceParameters:
    """Parameters of chunks after one another; the noise filters, one a chunk, are averaged."""
    corrections = [part.correction for part in parts if part.correction is not None]
    shares = [part.shares for part in parts if part.shares is not None]
    return SourceParameters(
        f0=torch.cat([part.f0 for part in parts], dim=2),
        alpha=torch.cat([part.alpha for part in parts], dim=2),
        gain=torch.cat([part.gain for part in parts], dim=2),
        lsf=torch.cat([part.lsf for part in parts], dim=2),
        noise_magnitudes=torch.stack([part.noise_magnitudes for part in parts]).mean(dim=0),
        correction=torch.cat(corrections, dim=2) if corrections else None,
        shares=torch.cat(shares, dim=2) if shares else None,
    )
