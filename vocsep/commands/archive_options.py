"""Options for whole archives: how many processes work, and where."""

from typing import Annotated

import typer

from vocsep.commands.options import RUN, within

Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        callback=within(1, 1024),
        metavar="N",
        rich_help_panel=RUN,
        help="Work on so many recordings at once, each in a process of its own, and note in the folder's "
        "manifest.jsonl what is done: the same command goes on after a stop. Needs the extra "
        "vocsep\\[cluster].",
        show_default=False,
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        rich_help_panel=RUN,
        help="The same on the workers of a Dask cluster, as tcp://10.0.0.1:8786. Recordings and results lie "
        "where all workers find them: on a shared disk, or at s3:// or gs:// addresses.",
        show_default=False,
    ),
]
