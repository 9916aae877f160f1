"""What a run of `separate` imports: nobody waits for a compiler or a plotter that he does not use."""

import subprocess
import sys
from pathlib import Path

import soundfile
from tiny import music, tiny_models

from vocsep.spectra import SAMPLE_RATE

NEVER = (
    "torch._dynamo",  # 1 s and more; torch.optim.Adam imports it when it is built
    "torch._inductor",
    "sympy",
    "scipy.ndimage",
    "scipy.stats",
    "scipy.signal",
    "scipy.optimize",
    "matplotlib",
    "mir_eval",
    "vocsep.methods.nmf",
    "vocsep.methods.source_filter_nmf",
    "vocsep.methods.unet",
    "vocsep.training.loop",
    "vocsep.transcription",
    "mido",
    "music21",
)


def test_a_separation_with_adaptation_imports_nothing_that_it_does_not_use(tmp_path: Path) -> None:
    audio, tracks = music(1.0)
    soundfile.write(tmp_path / "mix.wav", audio, SAMPLE_RATE)
    tracks.write_csv(tmp_path / "f0.csv")
    models = tiny_models(tmp_path)
    arguments = ["separate", "mix.wav", "--f0", "f0.csv", "--adapt", "20", "-q", "--minus-one", "--synth"]
    for option, path in (("--model", models["model"]), ("--pitch-model", models["pitch_model"])):
        arguments += [option, str(path)]
    code = (
        "import sys; from vocsep.cli import main; "
        f"print(main({arguments!r}), [name for name in {NEVER!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.stdout.strip(), done.stderr) == ("0 []", "")
    assert len(list((tmp_path / "stems").iterdir())) == 9
