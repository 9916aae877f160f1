"""The command line: names the commands, and turns every outcome into one line and an exit code.

Exit codes: 0 all done; 1 at least one file failed; 2 bad usage; 130 stopped with Ctrl-C, 143 or 129 by
SIGTERM or SIGHUP. Nothing heavy is imported here, so that ``vocsep --help`` answers at once.
"""

import atexit
import errno
import gc
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from vocsep.commands import train
from vocsep.commands.demo import demo
from vocsep.commands.edit import edit
from vocsep.commands.evaluate import evaluate
from vocsep.commands.evaluate_f0 import evaluate_f0
from vocsep.commands.f0 import f0
from vocsep.commands.fit import fit
from vocsep.commands.intonation import intonation
from vocsep.commands.separate import separate
from vocsep.commands.stopping import stopped_by_signals
from vocsep.commands.studio import studio
from vocsep.errors import Interrupted, SettingsError, VocsepError, debugging
from vocsep.memory import keep_freed_memory

DONE, FAILED, USAGE, STOPPED = 0, 1, 2, 130

app = typer.Typer(
    name="vocsep",
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("separate")(separate)
app.command("f0")(f0)
app.command("intonation")(intonation)
app.command("edit")(edit)
app.command("studio")(studio)
app.command("evaluate")(evaluate)
app.command("evaluate-f0")(evaluate_f0)
app.command("fit")(fit)
app.command("demo")(demo)
app.add_typer(train.app, rich_help_panel=train.PANEL)
for _name in train.USED_BY:
    app.command(
        f"train-{_name}",
        hidden=True,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )(train.renamed(_name))


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"vocsep {version('vocsep')}")
        except PackageNotFoundError:
            typer.echo("vocsep (not installed, run from its source)")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def vocsep(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Separate people who sing together: one recording for each voice of a choir, quartet or duet.

    First steps: [bold]vocsep demo[/bold], then [bold]vocsep separate my_recording.wav -n 4 -o stems/[/bold].
    Each command explains itself: [bold]vocsep separate --help[/bold].
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: what follows the program's name; default: those of the process.

    Returns:
        The exit code.
    """
    # numpy multiplies small matrices only: more threads wait for each other longer than they work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # torch's threads sleep until there is work, instead of asking for it all the time.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    keep_freed_memory()
    atexit.register(gc.freeze)  # a collector that looks through all of torch once more takes half a second
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character is no reason to fail
    with stopped_by_signals() as stop:
        try:
            code = app(args=arguments, prog_name="vocsep", standalone_mode=False)
        except KeyboardInterrupt:
            code = STOPPED
        except Exception as error:
            return stop.code(_failed(error, sys.argv[1:] if arguments is None else arguments))
    if code == STOPPED:  # what Typer makes of Ctrl-C
        return _say("stopped; nothing half-written was left behind", stop.code(STOPPED))
    return code if isinstance(code, int) else DONE


def _failed(error: Exception, arguments: Sequence[str]) -> int:
    """One line on standard error and the exit code for whatever left a command."""
    from vocsep.commands.screen import describe

    if isinstance(error, typer.Abort):
        return _say("stopped; nothing half-written was left behind", STOPPED)
    if hasattr(error, "format_message"):  # the parser's own errors, whichever package they come from
        return _say(f"{_with_value(error, arguments)} (see {_command(error)} --help)", USAGE)
    if isinstance(error, OSError) and error.errno == errno.EPIPE:  # the reader, head for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if debugging() and not isinstance(error, VocsepError):
        raise error
    codes: dict[type[Exception], int] = {Interrupted: STOPPED, SettingsError: USAGE}
    return _say(describe(error), codes.get(type(error), FAILED))


def _with_value(error: Any, arguments: Sequence[str]) -> str:
    """The parser's message, with the value that it complains of, which some versions of Typer leave out."""
    message = str(error.format_message()).rstrip(".")
    names = getattr(getattr(error, "param", None), "opts", ())
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, _, joined = argument.partition("=")
        value = joined or following
        if name in names and value and value not in message:
            return f"{message} ({name} {value})"
    return message


def _command(error: Any) -> str:
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context else "vocsep"


def _say(line: str, code: int) -> int:
    """Print an error, unless it is of no words or the first of several processes says it too."""
    from vocsep.commands.screen import Screen, speaks

    if line and (speaks() or line.startswith(("process ", "a defect"))):
        Screen().error(line)
    return code
