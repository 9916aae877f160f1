"""Names that files can have on every system, and when two of them mean the same."""

import os
import unicodedata
from pathlib import Path

LONGEST = 200  # bytes: most file systems allow 255, and endings such as ``_practice.flac`` follow
RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))]
)  # names of devices on Windows, whatever their ending


def folded(name: str) -> str:
    """What is equal of names that mean the same: capital letters or not, and accents composed (NFC, as
    Linux and Windows write them) or decomposed (NFD, as macOS does).

    >>> folded("S\\u00e9bastien") == folded("se\\u0301bastien")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_file_name(name: str) -> bool:
    """Whether a file may be called so on any system, without leaving its folder or hiding in it.

    >>> is_file_name("alto 2"), is_file_name("../alto"), is_file_name("con"), is_file_name("alto.")
    (True, False, False, False)
    """
    return bool(name) and not (
        name.startswith(".")
        or name.endswith((".", " "))
        or name.split(".")[0].rstrip().casefold() in RESERVED
        or any(sign in '/\\:*?"<>|' or not sign.isprintable() for sign in name)
        or len(name.encode("utf-8", "replace")) > LONGEST
    )


def native(path: Path) -> str | bytes:
    """A path as libsndfile takes it: bytes where names are bytes, which need not be UTF-8; never ``-``,
    which it takes for standard input."""
    absolute = path.absolute()
    return str(absolute) if os.name == "nt" else os.fsencode(absolute)
