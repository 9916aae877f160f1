"""Bach's chorales as scores, where music21 is installed (extra ``[score]``)."""

from importlib.util import find_spec

import numpy as np

from vocsep.errors import DependencyError
from vocsep.singers.score import Note, Score

TEMPO = (0.5, 1.6)  # factors on the tempo of a passage


def chorales_installed() -> bool:
    """Whether music21, which brings the chorales, is there."""
    return find_spec("music21") is not None


def chorale_scores(limit: int | None = None) -> list[Score]:
    """Bach's four-part chorales from music21's own corpus, at 0.6 s a quarter note.

    Args:
        limit: most scores to return; all (about 350) by default.

    Raises:
        DependencyError: music21 is not installed.
    """
    try:
        from music21 import corpus
    except ImportError as error:
        raise DependencyError("Bach's chorales need music21: pip install 'vocsep[score]'") from error
    scores: list[Score] = []
    for chorale in corpus.chorales.Iterator():
        if limit is not None and len(scores) >= limit:
            break
        if len(chorale.parts) != 4:
            continue
        parts = []
        for part in chorale.parts:
            sung = part.stripTies().flatten().notes
            notes = (
                Note(0.6 * float(n.offset), 0.6 * float(n.quarterLength), float(n.pitch.midi))
                for n in sung
                if n.isNote
            )
            parts.append(tuple(note for note in notes if note.duration > 0))
        if all(parts):
            scores.append(Score(tuple(parts), max(p[-1].onset + p[-1].duration for p in parts)))
    return scores


def chorales_to_sing(wanted: bool | None) -> list[Score]:
    """All chorales if ``wanted``, none if not; None: where music21 is installed.

    Raises:
        DependencyError: they are wanted and music21 is not installed.
    """
    return chorale_scores() if wanted or (wanted is None and chorales_installed()) else []


def random_passage(score: Score, seconds: float, rng: np.random.Generator) -> Score:
    """A passage of ``seconds`` seconds from anywhere in a score, at another tempo."""
    tempo = float(np.exp(rng.uniform(*np.log(TEMPO))))
    first = float(rng.uniform(0, max(score.seconds / tempo - seconds, 0.0)))
    parts = []
    for part in score.parts:
        notes = (Note(n.onset / tempo - first, n.duration / tempo, n.pitch) for n in part)
        parts.append(tuple(note for note in notes if 0 <= note.onset < seconds - 0.1))
    return Score(tuple(parts), seconds)
