"""Every error that a user can cause, drawn once.

Each message is a single line that names the file, the value and the bound, so that the command line can print
it as it stands. Anything else that is raised is a defect of ours and keeps its traceback.
"""

import os


class VocsepError(Exception):
    """Base of all errors that vocsep raises on purpose."""


class AudioError(VocsepError):
    """A recording cannot be read, holds nothing to work on, or cannot be written."""


class F0Error(VocsepError):
    """An F0 file is malformed, or does not fit the recording or the number of voices."""


class ModelError(VocsepError):
    """A model file is missing, damaged, of another version or of another kind."""


class SettingsError(VocsepError):
    """A setting has an unknown name or a value outside its bounds."""


class DependencyError(VocsepError):
    """An optional package or program is needed and not installed."""


class VoicesNotFound(VocsepError):
    """No sung voice was found in a recording."""


class Interrupted(VocsepError):
    """The user stopped a long run; what was reached has been saved."""


def debugging() -> bool:
    """Whether tracebacks are wanted: environment variable ``VOCSEP_DEBUG`` set, and not to 0."""
    return os.environ.get("VOCSEP_DEBUG", "") not in ("", "0")
