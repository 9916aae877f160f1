"""``vocsep evaluate``: how good separated stems are, one method or several side by side."""

from collections import Counter
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vocsep.commands import options
from vocsep.commands.options import OUTPUT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vocsep.commands.screen import Screen
    from vocsep.evaluation.scores import Evaluation, MethodScores
    from vocsep.evaluation.significance import Comparison


class Match(str, Enum):
    auto = "auto"
    name = "name"
    best = "best"
    order = "order"


References = Annotated[
    Path,
    typer.Argument(
        metavar="REFERENCES",
        help="The true stems: a folder of them, or a folder of such folders, one for each song. They may "
        "lie in subfolders [bold]stems/[/bold].",
        show_default=False,
    ),
]
Estimates = Annotated[
    list[Path],
    typer.Argument(
        metavar="ESTIMATES",
        help="What [bold]vocsep separate[/bold] wrote, one folder for each method; songs are found by "
        "the names of their folders. Files [bold]..._synth[/bold] count as synthesised, "
        "[bold]..._minus[/bold] not at all.",
        show_default=False,
    ),
]
Names = Annotated[
    str | None,
    typer.Option("--name", metavar="A,B,...", help="What the methods are called. Default: as their folders."),
]
MatchOption = Annotated[
    Match,
    typer.Option(
        "--match",
        help="How voices are matched: by file name, in the order of the names, or as gives the best "
        "SI-SDR. auto: by name where all names agree, else best.",
    ),
]
BssEval = Annotated[
    bool,
    typer.Option(
        "--bss-eval/--no-bss-eval",
        help="SDR, SIR and SAR of BSS Eval (512 taps) too; they take most of the time.",
    ),
]
Csv = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FILE", rich_help_panel=OUTPUT, help="Write the scores of each second."),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        rich_help_panel=OUTPUT,
        help="Write violins, and p-values of several methods, as .png, .svg or .pdf.",
    ),
]


def evaluate(
    references: References,
    estimates: Estimates,
    names: Names = None,
    match: MatchOption = Match.auto,
    bss_eval: BssEval = True,
    csv: Csv = None,
    plot: Plot = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Score separated stems against the true ones; compare methods.

    Every second of every voice is scored by itself, in mono at 16 kHz. Seconds
    in which the true voice is more than 20 dB below its mean energy are left
    out. Of several methods the means are compared by t-tests.

    Example: [bold]vocsep evaluate truth/ comb/ levels/ --plot scores.png[/bold]
    """
    from vocsep.commands.inputs import check_picture, refuse_existing
    from vocsep.commands.screen import Screen
    from vocsep.evaluation.csv_file import write_csv
    from vocsep.evaluation.scores import evaluate_folders
    from vocsep.evaluation.significance import compare

    folders = dict(zip(method_names(estimates, names), estimates, strict=True))
    check_picture(plot)
    refuse_existing([csv, plot], overwrite)

    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.progress("evaluate") as progress:
        evaluation = evaluate_folders(
            references, folders, match=match.value, filters=bss_eval, progress=progress
        )
    metric = _headline(evaluation)
    scores = {method.name: method.pooled(metric) for method in evaluation.methods}
    comparisons = compare(scores)
    _show(screen, evaluation, metric, scores, comparisons)
    for note in evaluation.notes:
        screen.warn(note)
    if csv:
        write_csv(evaluation, csv)
        screen.line(f"scores of each second in {csv}")
    if plot:
        from vocsep.evaluation.scores import METRICS
        from vocsep.pictures.scores import write_score_plot

        write_score_plot(
            scores, comparisons, plot, metric=METRICS[metric], title=f"compared with {references}"
        )
        screen.line(f"picture in {plot}")
    screen.document(_as_document(references, evaluation, metric, comparisons))


def method_names(estimates: list[Path], names: str | None) -> list[str]:
    """A name for each folder: those of ``--name``, else the folders' own.

    Raises:
        typer.BadParameter: too few or too many names, an empty one, or one for two folders.
    """
    if names is None:
        called = [folder.resolve().name for folder in estimates]
    else:
        called = [name.strip() for name in names.split(",")]
        if len(called) != len(estimates):
            raise typer.BadParameter(f"--name holds {len(called)} names for {len(estimates)} folders")
        if "" in called:
            raise typer.BadParameter(f"--name {names!r} holds an empty name")
    twice = [name for name, count in Counter(called).items() if count > 1]
    if twice:
        raise typer.BadParameter(f"two methods are called {twice[0]!r}; tell them apart with --name A,B,...")
    return called


def _headline(evaluation: "Evaluation") -> str:
    """The score that methods are compared by: SI-SDR as in the paper, if not all voices are synthesised."""
    import numpy as np

    stems = any(np.isfinite(method.pooled("si_sdr")).any() for method in evaluation.methods)
    return "si_sdr" if stems else "spectral_snr_synth"


def _show(
    screen: "Screen",
    evaluation: "Evaluation",
    metric: str,
    scores: "dict[str, NDArray[np.float64]]",
    comparisons: "list[Comparison]",
) -> None:
    from vocsep.commands import score_tables as tables
    from vocsep.evaluation.scores import METRICS

    for method in evaluation.methods:
        screen.line(f"{method.name}: {METRICS[metric]} in dB ({_matching(method)})", style="bold")
        screen.show(tables.voices_table(method, metric))
        if len(method.songs) > 1:
            screen.show(tables.songs_table(method, metric))
        others = tables.other_scores_table(method, metric)
        if others is not None:
            screen.line("means of the other scores in dB", style="dim")
            screen.show(others)
    if comparisons:
        screen.line(f"All methods: {METRICS[metric]} in dB", style="bold")
        screen.show(tables.methods_table(scores), tables.p_table(comparisons, list(scores)))
        screen.line("p: t-tests of the means, Student's or by Levene's test Welch's; not corrected", "dim")


def _matching(method: "MethodScores") -> str:
    told = {"name": "by name", "best": "by the best permutation", "order": "in order"}
    return "voices matched " + ", ".join(dict.fromkeys(told[song.matching] for song in method.songs))


def _as_document(
    references: Path, evaluation: "Evaluation", metric: str, comparisons: "list[Comparison]"
) -> dict[str, Any]:
    """Everything but single seconds as JSON: dB, null = nothing scored."""
    from vocsep.evaluation.scores import METRICS
    from vocsep.evaluation.seconds import SILENCE, summarise
    from vocsep.spectra import SAMPLE_RATE

    def summaries(
        method: "MethodScores", voice: str | None = None, song: str | None = None
    ) -> dict[str, Any]:
        return {one: vars(summarise(method.pooled(one, voice, song))) for one in METRICS}

    methods = [
        {
            "name": method.name,
            "folder": method.folder,
            "songs": [
                {
                    "song": song.song,
                    "matching": song.matching,
                    "voices": [
                        {
                            "voice": one.voice,
                            "reference": one.reference,
                            "stem": one.stem,
                            "synthesised": one.synth,
                            "scores": summaries(method, one.voice, song.song),
                        }
                        for one in song.voices
                    ],
                    "scores": summaries(method, song=song.song),
                }
                for song in method.songs
            ],
            "voices": [{"voice": voice, "scores": summaries(method, voice)} for voice in method.voices],
            "scores": summaries(method),
        }
        for method in evaluation.methods
    ]
    return {
        "references": references,
        "sample_rate": SAMPLE_RATE,
        "window_seconds": 1,
        "silence_db": -SILENCE,
        "methods": methods,
        "compared": metric,
        "comparisons": [vars(one) for one in comparisons],
        "notes": evaluation.notes,
    }
