"""How a separation shows itself in a notebook: pitches, and a player and a line of figures for each voice.

Plain HTML of bounded size: sound as mp3 up to `LONGEST`, pitches as SVG, no scripts.
"""

import base64
import math
from html import escape

import numpy as np
import soxr
from numpy.typing import NDArray

from vocsep.pitch.intonation import note_name
from vocsep.pitch.tracks import F0Tracks
from vocsep.player.colours import voice_style
from vocsep.player.sound import LEVELS, RATE, mp3
from vocsep.transcription.notes import semitones

LONGEST = 60.0  # s of sound
COLUMNS = 1000  # of the picture, whatever its length
WIDTH, HEIGHT, MARGIN, FOOT = 1000, 260, 34, 18  # of the picture, in its own units
GLIDE = 2.0  # semitones: what is further apart is not joined
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)  # s between times


def separation_html(
    stems: NDArray[np.float32], sample_rate: int, tracks: F0Tracks, sure: NDArray[np.float32]
) -> str:
    """A picture of the pitches, and a table with a player for each voice.

    Args:
        stems: ``(voices, samples)`` or ``(voices, samples, channels)``.
        sample_rate: Hz.
        tracks: F0 of each voice.
        sure: ``(voices, seconds)``, share of the energy that is the voice's own, NaN where silent.
    """
    seconds = stems.shape[1] / sample_rate
    names = tracks.names or tuple(f"voice {voice}" for voice in range(1, len(stems) + 1))
    heard = stems[:, : round(LONGEST * sample_rate)]
    peak = max(1.0, float(np.abs(heard).max(initial=0.0)))
    rows = []
    for voice, (name, one) in enumerate(zip(names, tracks.voice_statistics(), strict=True), start=1):
        span = "never sings"
        if one.lowest_hz is not None and one.highest_hz is not None:
            span = f"{note_name(one.lowest_hz)} to {note_name(one.highest_hz)}"
        share = sure[voice - 1][np.isfinite(sure[voice - 1])]
        own = f"{100 * float(share.mean()):.0f} %" if share.size else "-"
        dot = f'<span style="color:{voice_style(voice)}">&#9632;</span>'
        cells = (f"{dot} {escape(name)}", span, f"{one.voiced_share:.0%}", own)
        sound = _player(heard[voice - 1] / np.float32(peak), sample_rate, name)
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}<td>{sound}</td></tr>")
    heads = ("voice", "range", "sings", "sure", f"the first {LONGEST:.0f} s" if seconds > LONGEST else "")
    head = "".join(f"<th>{text}</th>" for text in heads)
    return f"<div>{pitch_svg(tracks)}<table><tr>{head}</tr>{''.join(rows)}</table></div>"


def _player(stem: NDArray[np.float32], sample_rate: int, name: str) -> str:
    mono = stem if stem.ndim == 1 else stem.mean(axis=1, dtype=np.float32)
    sound = base64.b64encode(mp3(soxr.resample(mono, sample_rate, RATE), LEVELS[0])).decode()
    source = f"data:audio/mpeg;base64,{sound}"
    return f'<audio controls preload="none" aria-label="{escape(name)}" src="{source}"></audio>'


def pitch_svg(tracks: F0Tracks) -> str:
    """Time to the right, pitch upwards, each voice in its colour; its size does not grow with the length."""
    midi = semitones(tracks.frequencies)
    sung = midi[np.isfinite(midi)]
    low, high = (float(sung.min()) - 1, float(sung.max()) + 1) if sung.size else (48.0, 72.0)
    frames = max(tracks.frames, 2)
    across, up = (WIDTH - MARGIN) / (frames - 1), (HEIGHT - FOOT) / (high - low)
    shapes = []
    for note in range(math.ceil(low), math.floor(high) + 1):
        if note % 12 == 0:
            y = (high - note) * up
            shapes.append(f'<path d="M{MARGIN} {y:.1f}H{WIDTH}" stroke="#8886"/>')
            shapes.append(f'<text x="4" y="{y + 4:.1f}">C{note // 12 - 1}</text>')
    seconds = max(tracks.seconds, 0.1)
    step = next((step for step in STEPS if step / seconds * WIDTH >= 80), seconds)
    for number in range(int(seconds / step) + 1):
        minutes, rest = divmod(int(number * step), 60)
        x = MARGIN + number * step / seconds * (WIDTH - MARGIN)
        shapes.append(f'<text x="{x:.1f}" y="{HEIGHT - 4}">{minutes}:{rest:02d}</text>')
    for voice, row in enumerate(midi, start=1):
        line = _line(row, high, across, up)
        if line:
            style = f'stroke="{voice_style(voice)}" stroke-width="2" fill="none"'
            shapes.append(f'<path d="{line}" {style}/>')
    label = f"pitches of {tracks.voices} voices"
    style = 'style="width:100%;max-width:1000px;height:auto;font:11px sans-serif;fill:currentColor"'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" {style}>{"".join(shapes)}</svg>'
    )


def _line(row: NDArray[np.float64], high: float, across: float, up: float) -> str:
    """The path of one voice ``(frames,)`` in semitones: the median of the frames of each column."""
    block = max(-(-len(row) // COLUMNS), 1)
    padded = np.pad(row, (0, -len(row) % block), constant_values=np.nan).reshape(-1, block)
    path, before = [], math.nan
    for column, values in enumerate(padded):
        known = values[np.isfinite(values)]
        here = float(np.median(known)) if known.size else math.nan
        if not math.isnan(here):
            move = "L" if abs(here - before) <= GLIDE else "M"
            x = MARGIN + (column + 0.5) * block * across
            path.append(f"{move}{min(x, WIDTH):.1f} {(high - here) * up:.1f}")
        before = here
    return "".join(path)
