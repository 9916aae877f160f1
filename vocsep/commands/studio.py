"""``vocsep studio``: the desk in the browser, to hear, see, correct and separate again."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from vocsep.commands import options
from vocsep.separation.settings import SeparatorSettings

Recording = Annotated[
    Path | None,
    typer.Argument(
        metavar="RECORDING",
        help="A recording, or the folder of a project. Default: choose one in the browser.",
        show_default=False,
    ),
]
Projects = Annotated[
    Path,
    typer.Option(
        "--folder",
        "-o",
        metavar="FOLDER",
        rich_help_panel=options.OUTPUT,
        help="Where projects go: a folder for each recording, with its stems and project.json.",
    ),
]
Port = Annotated[
    int,
    options.whole_number(
        "--port", 0, 65535, "Of the address on this machine; 0: any that is free.", options.RUN
    ),
]
NoBrowser = Annotated[
    bool, typer.Option("--no-browser", rich_help_panel=options.RUN, help="Only print the address.")
]


def studio(
    recording: Recording = None,
    projects: Projects = Path("vocsep-studio"),
    port: Port = 0,
    no_browser: NoBrowser = False,
    model: options.Model = None,
    adapt: options.Adapt = SeparatorSettings.adapt,
    device: options.DeviceOption = options.DEVICE,
) -> None:
    """Hear the voices against each other, see their pitches, correct them and separate again, in the browser.

    Nothing leaves this machine. Needs the extra vocsep\\[studio].
    """
    from vocsep.commands.screen import Screen
    from vocsep.errors import DependencyError

    try:
        from vocsep.studio.server import listen, serve
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in ("starlette", "uvicorn"):
            raise
        raise DependencyError(f"the studio needs {package}: pip install 'vocsep[studio]'") from None
    from vocsep.studio.desk import Desk

    if projects.exists() and not projects.is_dir():
        raise typer.BadParameter(f"-o {projects}: is a file, a folder is needed")
    screen = Screen()
    settings = {
        "model": None if model is None else str(model.absolute()),
        "adapt": adapt,
        "device": device.value,
    }
    desk = Desk(projects.absolute(), settings)
    if recording is not None:
        desk.open(recording)
    sock = listen(port)

    def started(address: str) -> None:
        screen.line(address)
        screen.remark("Ctrl-C ends the studio. The address is a secret: who has it can use the studio.")
        if not no_browser:
            import webbrowser

            webbrowser.open(address)

    # Ctrl-C is how a studio ends.
    with suppress(KeyboardInterrupt):
        serve(desk, sock, started)
