"""Multi-F0 estimation and its assignment to voices."""

from vocsep.pitch.settings import PitchSettings

DEFAULT_REFINE = PitchSettings.refine
