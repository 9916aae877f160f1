"""What each part brings: `python -m benchmarks.ablation DATA_DIR` switches them off one at a time.

Recordings are those of quality.py, with ``--groups`` also pairs, trios and sections (mixtures.py), with
``--hall`` also the quartets in simulated halls (halls.py; needs pyroomacoustics). Each line is the mean
SI-SDR in dB of the seconds of all voices, J given, everything else estimated from the mixture:

================= ====================================================================================
``all``           everything, as `vocsep separate` does by default
``network``       adaptation starts from bare harmonics instead of the network's parameters
``adaptation``    the network's parameters are used as they are (and with them: one comb, no room)
``F0 refinement`` F0 as the first estimate and the assignment give it
``width``         one comb a voice: no search of F0 around the track, no width of sections, no alternative
                  pitch
``room``          voices end with their notes
``same note``     voices with one F0 are told apart all the same
``post-filter``   masks are what expected powers say
``masks: ...``    another exponent, or all of the noise of a voice claims bins
================= ====================================================================================
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.halls import moved_to_hall
from benchmarks.mixtures import Recording, is_quartet
from benchmarks.options import add_device, add_groups, add_recordings, found_recordings, new_parser, run
from benchmarks.scoring import separated
from vocsep import Separator
from vocsep.methods.source_filter import SourceFilter, SourceFilterSettings, untrained_comb

ALL = SourceFilterSettings()
VARIANTS = {
    "all": ALL,
    "network": ALL,
    "adaptation": replace(ALL, steps=0, room=False),
    "F0 refinement": ALL,
    "width": replace(ALL, unison=False),
    "sections": replace(ALL, sections=False),
    "room": replace(ALL, room=False),
    "same note": replace(ALL, same_note=False),
    "post-filter": ALL,
    "masks: of magnitudes": replace(ALL, exponent=0.5, room_exponent=0.5),
    "masks: exponent 0.85": replace(ALL, exponent=0.85),
    "masks: exponent 1.2": replace(ALL, exponent=1.2, room_exponent=1.0),
    "masks: all the noise": replace(ALL, noise_share=1.0),
    "masks: no noise": replace(ALL, noise_share=0.0),
}


def estimate(variant: str, complete: SourceFilter) -> SourceFilter:
    """The method with one part switched off."""
    start = untrained_comb if variant == "network" else complete.start
    postfilter = None if variant == "post-filter" else complete.postfilter
    return SourceFilter(start, VARIANTS[variant], postfilter)


def measure(recording: Recording, looks: dict[int, Separator], complete: SourceFilter) -> dict[str, float]:
    """Mean SI-SDR in dB of each variant."""
    voices = len(recording.stems)
    tracks = {refine: one.pitch.estimate(recording.mixture, voices) for refine, one in looks.items()}
    found = {}
    for variant in VARIANTS:
        refine = 0 if variant == "F0 refinement" else max(looks)
        separator = looks[refine]
        separator.method = replace(separator.method, estimate=estimate(variant, complete))
        found[variant] = separated(recording, separator, tracks[refine]).mean
    return found


def chosen(options: argparse.Namespace) -> Iterator[Recording]:
    """Recordings, then their groups, then the quartets of real singers in halls."""
    plain = found_recordings(options)
    yield from plain
    for seconds in options.hall:
        yield from (moved_to_hall(one, seconds) for one in plain if is_quartet(one))


def table(results: dict[str, dict[str, float]]) -> str:
    """Lines are recordings, columns variants; all but the first as differences from it."""
    names = list(VARIANTS)
    lines = ["| without | " + " | ".join(results) + " | mean |", "|---" * (len(results) + 2) + "|"]
    for name in names:
        values = [one[name] - (0.0 if name == "all" else one["all"]) for one in results.values()]
        shape = "{:.2f}" if name == "all" else "{:+.2f}"
        cells = [shape.format(value) for value in [*values, float(np.mean(values))]]
        lines.append(f"| {'nothing' if name == 'all' else name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def benchmark(options: argparse.Namespace) -> None:
    """Measure all variants of all recordings, tell each as it comes, and print the table."""
    looks = {refine: Separator(refine=refine, device=options.device) for refine in (0, 1)}
    complete = looks[1].method.estimate
    assert isinstance(complete, SourceFilter)
    results: dict[str, dict[str, float]] = {}
    for recording in chosen(options):
        results[recording.name] = measure(recording, looks, complete)
        shown = "  ".join(f"{name} {value:.2f}" for name, value in results[recording.name].items())
        print(f"{recording.name}: {shown}", file=sys.stderr, flush=True)
    print(json.dumps(results, indent=1) if options.json else table(results))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = new_parser("ablation", __doc__)
    add_recordings(parser)
    add_groups(parser)
    parser.add_argument(
        "--hall", type=float, nargs="*", default=[], metavar="S", help="reverberation times of halls"
    )
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return run(benchmark, parser, arguments)


if __name__ == "__main__":
    sys.exit(main())
