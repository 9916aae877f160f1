"""What each part brings: `python benchmarks/ablation.py DATA_DIR` switches them off one at a time.

Recordings are those of quality.py, with ``--groups`` also pairs, trios and sections (mixtures.py), with
``--hall`` also the quartets in simulated halls (halls.py; needs pyroomacoustics). Each line is the mean
SI-SDR in dB of the seconds of all voices, J given, everything else estimated from the mixture:

================ ======================================================================================
``all``          everything, as `vocsep separate` does by default
``network``      adaptation starts from bare harmonics instead of the network's parameters
``adaptation``   the network's parameters are used as they are (and with them: one comb, no room)
``F0 refinement``  F0 as the first estimate and the assignment give it
``width``        one comb a voice: no search of F0 around the track, no width of sections, no alternative
pitch ``room``         voices end with their notes ``same note``    voices with one F0 are told apart all the
same ``post-filter``  masks are what expected powers say ``masks: ...``   another exponent, or all of the
noise of a voice claims bins ================
======================================================================================
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from halls import in_hall
from mixtures import Recording, groups, recordings

from vocsep import Separator
from vocsep.errors import VocsepError
from vocsep.evaluation.seconds import mean_and_median
from vocsep.evaluation.si_sdr import si_sdr_per_second
from vocsep.methods.source_filter import SourceFilter, SourceFilterSettings, untrained_comb
from vocsep.spectra import SAMPLE_RATE

ALL = SourceFilterSettings()
VARIANTS = {
    "all": ALL,
    "network": ALL,
    "adaptation": replace(ALL, steps=0, room=False),
    "F0 refinement": ALL,
    "width": replace(ALL, unison=False),
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
    stems, mixture = recording.stems, recording.mixture
    tracks = {refine: one.pitch.estimate(mixture, len(stems)) for refine, one in looks.items()}
    found = {}
    for variant in VARIANTS:
        refine = 0 if variant == "F0 refinement" else max(looks)
        separator = looks[refine]
        separator.method = replace(separator.method, estimate=estimate(variant, complete))
        result = separator.separate(mixture, SAMPLE_RATE, len(stems), tracks=tracks[refine])
        scores = si_sdr_per_second(stems, result.stems, SAMPLE_RATE)
        found[variant] = mean_and_median(scores)[0]
    return found


def chosen(options: argparse.Namespace) -> Iterator[Recording]:
    """Recordings, then their groups, then the quartets of real singers in halls."""
    plain = list(recordings(options.data, options.only, options.start, options.duration))
    yield from plain
    if options.groups:
        yield from groups(plain)
    for seconds in options.hall:
        for quartet in plain:
            if "/singers_" in f"/{quartet.name}":
                stems = in_hall(quartet.stems, seconds, SAMPLE_RATE)
                yield replace(quartet, name=f"{quartet.name}, hall {seconds} s", stems=stems)


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


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--only", metavar="NAME", help="only recordings whose path contains this")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="leave out the first seconds")
    parser.add_argument("--duration", type=float, metavar="S", help="only so many seconds of each")
    parser.add_argument("--groups", action="store_true", help="also pairs, trios and sections")
    parser.add_argument(
        "--hall", type=float, nargs="*", default=[], metavar="S", help="reverberation times of halls"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    looks = {refine: Separator(refine=refine) for refine in (0, 1)}
    complete = looks[1].method.estimate
    assert isinstance(complete, SourceFilter)
    results: dict[str, dict[str, float]] = {}
    try:
        for recording in chosen(options):
            results[recording.name] = measure(recording, looks, complete)
            shown = "  ".join(f"{name} {value:.2f}" for name, value in results[recording.name].items())
            print(f"{recording.name}: {shown}", file=sys.stderr, flush=True)
    except VocsepError as error:
        print(error, file=sys.stderr)
        return 1
    if not results:
        print(f"{options.data}: no folder with a folder stems/ in it", file=sys.stderr)
        return 1
    print(json.dumps(results, indent=1) if options.json else table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
