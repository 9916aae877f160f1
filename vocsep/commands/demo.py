"""``vocsep demo``: sing a quartet, separate it, and compare with what each singer really sang."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vocsep.commands import options
from vocsep.separation.settings import SeparatorSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vocsep.commands.screen import Screen

FIGURES = "demo.json"  # written last; a folder that holds it is a demo's own, and may be sung anew


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the demo is written.", show_default=True)
    ] = Path("vocsep-demo"),
    model: options.Model = None,
    adapt: options.Adapt = SeparatorSettings.adapt,
    device: options.DeviceOption = options.DEVICE,
    seed: options.Seed = SeparatorSettings.seed,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Let vocsep sing a quartet itself, separate it, and show how well that went. No recording is needed."""
    from vocsep.commands.screen import Screen
    from vocsep.separation.separator import Separator
    from vocsep.singers.demo import sing_demo

    overwrite = _may_replace(folder, overwrite)
    screen = Screen(quiet=quiet, as_json=as_json)
    separator = Separator(model, device=device.value, adapt=adapt, seed=seed)
    with screen.progress("demo") as progress:
        progress("singing", 0.0)
        sung, sample_rate, _ = sing_demo(seed)
        mixture = _write_quartet(folder, sung, sample_rate, overwrite)
        report = separator.separate_file(
            mixture, folder / "stems", len(sung), overwrite=overwrite, progress=progress
        )
    before, after = _scores(sung, report.stems)
    figures = {
        "folder": folder,
        "seed": seed,
        "si_sdr_mixture_db": before,
        "si_sdr_db": after,
        "separation": report.to_dict(),
    }
    _write_figures(folder, figures)
    for warning in report.warnings:
        screen.warn(warning)
    _show(screen, folder, before, after, report.stems[0])
    screen.document(figures)


def _may_replace(folder: Path, overwrite: bool) -> bool:
    """Whether files may be replaced: when asked, or where an earlier demo left its figures.

    Raises:
        typer.BadParameter: the folder is a file.
        VocsepError: it holds something else.
    """
    from vocsep.errors import VocsepError

    if folder.exists() and not folder.is_dir():
        raise typer.BadParameter(f"{folder}: is a file, a folder is needed")
    own = overwrite or (folder / FIGURES).is_file()
    if not own and folder.is_dir() and any(folder.iterdir()):
        raise VocsepError(f"{folder}: holds other files; name another folder, or use -y")
    return own


def _write_quartet(folder: Path, sung: "NDArray[np.float32]", sample_rate: int, overwrite: bool) -> Path:
    """Write ``mixture.wav`` and ``reference/voice_1.wav`` ..., float, so that they add up exactly."""
    from vocsep.media.writing import StemWriter

    (folder / "reference").mkdir(parents=True, exist_ok=True)
    mixture = folder / "mixture.wav"
    references = [folder / "reference" / f"voice_{voice}.wav" for voice in range(1, len(sung) + 1)]
    with StemWriter([mixture, *references], sample_rate, 1, "wav", "float", overwrite=overwrite) as writer:
        writer.write([signal[:, None] for signal in (sung.sum(axis=0), *sung)])
    return mixture


def _scores(sung: "NDArray[np.float32]", stems: list[Path]) -> tuple[list[float], list[float]]:
    """SI-SDR of every voice in dB: of the mixture, and of the stem."""
    from vocsep.evaluation.si_sdr import si_sdr
    from vocsep.media.reading import read_audio

    mixture = sung.sum(axis=0)
    before = [float(si_sdr(voice, mixture)) for voice in sung]
    after = [float(si_sdr(voice, read_audio(stem)[0][:, 0])) for voice, stem in zip(sung, stems, strict=True)]
    return before, after


def _write_figures(folder: Path, figures: dict[str, Any]) -> None:
    import json

    from vocsep.commands.screen import plain
    from vocsep.media.staging import written_beside

    with written_beside(folder / FIGURES) as staged:
        staged.write_text(json.dumps(plain(figures), indent=2) + "\n", encoding="utf-8")


def _show(screen: "Screen", folder: Path, before: list[float], after: list[float], stem: Path) -> None:
    from vocsep.commands.tables import demo_table

    screen.line("How much of what you hear in each stem is the singer it belongs to (SI-SDR)", style="bold")
    screen.show(demo_table(before, after))
    mixture, reference = folder / "mixture.wav", folder / "reference" / stem.name
    screen.line(f"Listen:  {mixture}  (all together)")
    screen.line(f"         {stem}  (voice 1, separated)")
    screen.line(f"         {reference}  (voice 1, as it was sung)")
    screen.line("")
    screen.line(f"See who sings what:   vocsep f0 {shlex.quote(str(mixture))} -n {len(after)}")
    screen.line("Your own recording:   vocsep separate my_recording.wav -n 4 -o stems/")
    screen.line("Learn your choir:     vocsep fit ./my_choir_recordings -n 4")
