"""Quiet is quiet: what libraries write to standard error behind Python's back goes nowhere."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from vocsep.errors import debugging

STDERR = 2  # the number that libraries write to


@contextmanager
def libraries_silenced() -> Iterator[None]:
    """Inside, only Python's own ``sys.stderr`` reaches standard error, so our errors are still seen.

    Decoders (mpg123 for one) tell file descriptor 2 what they think of damaged files.
    """
    try:
        real = sys.stderr.fileno() == STDERR
    except (AttributeError, OSError, ValueError):
        real = False
    if not real:  # somebody captures it already
        yield
        return
    before = sys.stderr
    before.flush()
    kept = os.dup(STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
    sys.stderr = os.fdopen(kept, "w", 1, encoding=before.encoding, errors=before.errors, closefd=False)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, STDERR)
        sys.stderr = before
        os.close(kept)


def silence(context: typer.Context, quiet: bool) -> bool:
    """The callback of ``--quiet``: silences libraries until the command ends."""
    if quiet and not debugging():
        context.with_resource(libraries_silenced())
    return quiet
