"""What a separator is made of, and what it writes: every option and its default stand here.

Nothing heavy is imported here: the command line reads the defaults before it loads a network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vocsep.methods.settings import DEFAULT_METHOD, FILTERS
from vocsep.pitch.settings import PitchSettings

if TYPE_CHECKING:
    from vocsep.media.reading import BitDepth


@dataclass(frozen=True)
class SeparatorSettings:
    """What a `vocsep.separation.separator.Separator` is made of.

    Attributes:
        model: weights of the estimator; the shipped ones by default.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        assign: ``notes``, ``viterbi`` or ``heuristic``, how F0 values become voices.
        refine: how often the pitch of each voice is refined, knowing the other voices; 0 = never.
        adapt: steps of adaptation on each chunk of the recording; None for the default of
            `vocsep.estimator.adapt_settings`, 0 for none.
        method: one of `vocsep.methods.registry.METHODS`, which docs/methods.md describes.
        stems: folder of the true stems, for the oracle methods.
        spatial: where channels differ, tell voices apart by place, too (not with an oracle).
        pitch_model, refiner_model: of F0 estimation and refinement; the shipped ones by default.
        postfilter: whether the masks of source models are corrected, or a file that says how.
        share_doubt: where it is not sure who of three or more sings what, each has a share of what may be
            his; not of F0 that are given, nor of voices by height alone.
        filter: ``partials``, fitted to the waveform all at once, or ``mask``, as the paper does.
        seed: of the noise in synthesised voices, and of what begins at random.
    """

    model: Path | str | None = None
    device: str = "auto"
    assign: str = PitchSettings.assign
    refine: int = PitchSettings.refine
    adapt: int | None = None
    method: str = DEFAULT_METHOD
    stems: Path | str | None = None
    spatial: bool = True
    pitch_model: Path | str | None = None
    refiner_model: Path | str | None = None
    postfilter: Path | str | bool = True
    share_doubt: bool = True
    filter: str = FILTERS[0]
    seed: int = 0


@dataclass(frozen=True)
class OutputSettings:
    """What is written of a recording, and how.

    Attributes:
        names: of the voices, the highest first; ``voice_1``, ``voice_2`` ... by default.
        start: s of the recording at which to begin.
        duration: s to separate; up to the end by default.
        format: ``wav``, ``flac``, ``mp3`` or ``ogg``; as the recording by default.
        bit_depth: 16, 24 or ``"float"``; as the recording by default.
        synth: also write ``<name>_synth``, the synthesised voices (16 kHz), where the method has some.
        minus_one: also write ``<name>_minus``, the recording without that voice.
        practice: also write mixes to practise with, `vocsep.separation.practice`.
        notes: also write ``notes.mid``, a track for each voice.
        page: also write a page with player and pitch picture, named for the recording.
        overwrite: replace files that exist.
        strict: refuse a recording that was cut off, instead of separating what is there.
    """

    names: Sequence[str] | None = None
    start: float = 0.0
    duration: float | None = None
    format: str | None = None
    bit_depth: "BitDepth | None" = None
    synth: bool = False
    minus_one: bool = False
    practice: bool = False
    notes: bool = False
    page: bool = False
    overwrite: bool = False
    strict: bool = False
