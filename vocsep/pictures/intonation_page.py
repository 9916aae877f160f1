"""The intonation report as one page of HTML that needs nothing else: pictures are SVG, no scripts, no fonts.

Above, the notes of all voices, time to the right and pitch upwards: green in tune with the choir, blue too
low, red too high. Below, the tuning of the choir through the piece. Then the voices, and every note.
"""

import math
from collections.abc import Sequence
from html import escape

from vocsep.pictures.pitch import clock
from vocsep.player.colours import voice_style
from vocsep.transcription.report import IntonationReport, NoteIntonation, VoiceIntonation

WIDTH, MARGIN = 1100, 48  # px
ROW = 9  # px, height of a semitone
RIGHT = 24  # px, for half of the last time
FULL = 40.0  # cents, deviations from here on have the full colour
IN_TUNE = (0x4A, 0xA0, 0x5C)
LOW, HIGH = (0x2B, 0x5F, 0xC7), (0xD0, 0x3A, 0x2B)
STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:1100px;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid
#ddd} td:first-child,th:first-child{text-align:left}svg{width:100%;height:auto;background:#fafafa}
.wide{overflow-x:auto}.wide svg{min-width:760px}details{margin:1em 0}
.dot{display:inline-block;width:.8em;height:.8em;border-radius:50%;margin-right:.5em}"""


def intonation_page(report: IntonationReport, title: str) -> str:
    """The page.

    Args:
        report: what it shows.
        title: its heading, such as the name of the recording.
    """
    name = escape(title)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Intonation of {name}</title><style>{STYLE}</style></head>
<body><h1>Intonation of {name}</h1>
<p>{escape(drift_sentence(report))}</p>
<h2>Notes</h2>
<p>Green: in tune with the choir at that moment; blue: too low, red: too high, full colour from {FULL:.0f}
cents on. The number in a note says cents.</p> {_roll(report)} <h2>Tuning of the choir</h2> <p>Cents above A4
= 440 Hz.</p> {_curve(report)} <h2>Voices</h2> {_voices(report.voices)} <details><summary>All
{len(report.notes)} notes</summary> {_notes(report)} </details> </body></html> """


def drift_sentence(report: IntonationReport) -> str:
    """What happened to the pitch of the choir, in a sentence."""
    tuning = report.tuning
    way = "rises" if tuning.drift > 0 else "falls"
    drift = f"{way} by {abs(tuning.drift):.1f} cents ({tuning.slope:+.1f} a minute)"
    steady = abs(tuning.drift) < 2
    pulling = [voice.name for voice in report.voices if voice.pull.pulls]
    pull = f" The others follow: {', '.join(pulling)}." if pulling else ""
    begun = f"The choir begins at A4 = {tuning.concert_pitch:.1f} Hz and"
    return f"{begun} {'keeps its pitch to ' + f'{abs(tuning.drift):.1f} cents' if steady else drift}.{pull}"


def _colour(cents: float) -> str:
    """Between green and blue or red.

    >>> _colour(0), _colour(-90)
    ('#4aa05c', '#2b5fc7')
    """
    share = min(abs(cents) / FULL, 1.0)
    mixed = (round(a + share * (b - a)) for a, b in zip(IN_TUNE, LOW if cents < 0 else HIGH, strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _span(report: IntonationReport) -> tuple[float, float]:
    """s, that both pictures show: one time stands at one place in both."""
    times = report.tuning.times
    onset, offset = min(note.onset for note in report.notes), max(note.offset for note in report.notes)
    return min(onset, float(times[0])), max(offset, float(times[-1]))


def _roll(report: IntonationReport) -> str:
    notes = report.notes
    first, last = _span(report)
    high, low = max(note.number for note in notes) + 2, min(note.number for note in notes) - 1
    height = (high - low) * ROW + 24
    scale = (WIDTH - MARGIN - RIGHT) / max(last - first, 0.1)
    shapes = []
    for number in range(low + 1, high):
        if number % 12 == 0:
            y = (high - number) * ROW + ROW / 2
            shapes.append(f'<line x1="{MARGIN}" x2="{WIDTH}" y1="{y}" y2="{y}" stroke="#ccc"/>')
            shapes.append(f'<text x="4" y="{y + 4}" font-size="11">C{number // 12 - 1}</text>')
    for note in notes:
        x, width = MARGIN + (note.onset - first) * scale, max((note.offset - note.onset) * scale, 1.5)
        y = (high - note.number) * ROW
        shapes.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW}" fill="{_colour(note.own)}"'
            f' stroke="{voice_style(note.voice)}"><title>{_tip(report, note)}</title></rect>'
        )
        if width > 22:
            shapes.append(
                f'<text x="{x + width / 2:.1f}" y="{y + ROW - 1.5}" font-size="8" fill="#fff"'
                f' text-anchor="middle">{_cents(note.own, "+")}</text>'
            )
    shapes.append(_times(first, last, scale, height))
    return _picture(height, "notes", shapes)


def _tip(report: IntonationReport, note: NoteIntonation) -> str:
    just = "" if math.isnan(note.just) else f", just {note.just:+.0f}"
    name = escape(report.voices[note.voice - 1].name)
    return f"{name} {note.note} at {clock(note.onset)}: {_cents(note.own, '+')} cents{just}"


def _curve(report: IntonationReport) -> str:
    times, cents = report.tuning.times, report.tuning.curve
    height, (first, last) = 160, _span(report)
    low, high = min(float(cents.min()), -10.0) - 5, max(float(cents.max()), 10.0) + 5
    across, up = (WIDTH - MARGIN - RIGHT) / max(last - first, 0.1), (height - 24) / (high - low)
    points = " ".join(
        f"{MARGIN + (time - first) * across:.1f},{(high - value) * up:.1f}"
        for time, value in zip(times.tolist(), cents.tolist(), strict=True)
    )
    zero = high * up
    lines = [f'<line x1="{MARGIN}" x2="{WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="#bbb"/>']
    lines.append(f'<polyline points="{points}" fill="none" stroke="#333" stroke-width="2"/>')
    for value in (low + 5, 0.0, high - 5):
        lines.append(
            f'<text x="4" y="{(high - value) * up + 4:.1f}" font-size="11">{_cents(value, "+")}</text>'
        )
    lines.append(_times(first, last, across, height))
    return _picture(height, "tuning", lines)


def _picture(height: float, label: str, shapes: Sequence[str]) -> str:
    """On a narrow screen it keeps a size that can be read, and is scrolled."""
    inside = "".join(shapes)
    head = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">'
    return f'<div class="wide">{head}{inside}</svg></div>'


def _times(first: float, last: float, scale: float, height: float) -> str:
    step = next(step for step in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1e9) if step * scale > 60)
    marks = []
    for number in range(math.ceil(first / step), math.floor(last / step) + 1):
        x = MARGIN + (number * step - first) * scale
        place = f'x="{x:.1f}" y="{height - 4}" font-size="11" text-anchor="middle"'
        marks.append(f"<text {place}>{clock(number * step)}</text>")
    return "".join(marks)


def _voices(voices: Sequence[VoiceIntonation]) -> str:
    heads = ("voice", "notes", "off the choir", "spread", "off just", "vibrato", "extent", "others follow")
    rows = []
    for voice in voices:
        dot = f'<span class="dot" style="background:{voice_style(voice.voice)}"></span>'
        cells = (
            str(voice.notes),
            _cents(voice.own, "+"),
            _cents(voice.own_spread),
            _cents(voice.just),
            "-" if math.isnan(voice.vibrato_rate) else f"{voice.vibrato_rate:.1f} Hz",
            _cents(voice.vibrato_extent),
            "-" if math.isnan(voice.pull.share) else f"{voice.pull.share:.0%}",
        )
        rows.append(_row(dot + escape(voice.name), cells))
    return _table(heads, rows)


def _notes(report: IntonationReport) -> str:
    heads = ("voice", "time", "note", "off A = 440", "off the choir", "off just")
    rows = []
    for note in sorted(report.notes, key=lambda note: (note.onset, note.voice)):
        cells = (
            clock(note.onset, tenths=True),
            note.note,
            _cents(note.equal, "+"),
            _cents(note.own, "+"),
            _cents(note.just, "+"),
        )
        rows.append(_row(escape(report.voices[note.voice - 1].name), cells))
    return _table(heads, rows)


def _row(first: str, cells: Sequence[str]) -> str:
    return f"<tr><td>{first}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{head}</th>" for head in heads)
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _cents(value: float, sign: str = "") -> str:
    if math.isnan(value):
        return "-"
    whole = round(value)
    return f"{whole:{sign}d}" if whole else "0"  # neither -0 nor +0
