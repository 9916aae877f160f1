"""Damaged files by the thousand: seeded mutations of good ones of every kind, and of command lines.

    python -m benchmarks.fuzz

A reader may succeed or raise a `VocsepError` of one line. Anything else is a fault, also longer than
`SECONDS`, more memory than `MEGABYTES` above what the process had, or a file that it leaves. The long run
takes `COUNT` of each of 23 kinds, more than 10 000; `tests/test_fuzz.py` takes a few of each. With ffmpeg on
the PATH there are six kinds more, which it alone reads, and half a second a file.
"""

import json
import resource
import signal
import struct
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.fuzz_kinds import Read, kinds
from benchmarks.options import new_parser
from vocsep.errors import VocsepError

SECONDS = 20  # of computing, a time out of all proportion to a file of a few kB
WAITING = 300  # s that a file may take on a busy machine
MEGABYTES = 600
COUNT = 450  # of each kind, of the long run
WORDS = """separate f0 evaluate fit intonation edit evaluate-f0 train -n --voices -o --names --start
--duration --json -q -y --help --format --f0 --score --model --seed --strict -1 0 1e400 nan 99 0:30 : :: - --
= '' \\ ../.. a.wav \udce9 é --refine"""  # of command lines


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One to eight faults: bits flipped, numbers made large, stretches cut, doubled, moved or filled.

    Half of the models keep a right frame: numbers and words of their headers change, or weights become NaN.
    """
    if data[8:9] == b"{" and rng.random() < 0.5:
        return _other_model(data, rng)
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        if not changed:
            break
        # Half of the faults hit the header, which decides how the rest is read.
        end = len(changed) if rng.random() < 0.5 else min(len(changed), 128)
        at, length = int(rng.integers(end)), int(2 ** rng.uniform(0, 10))
        fault = int(rng.integers(7))
        if fault == 0:
            changed[at] ^= 1 << int(rng.integers(8))
        elif fault == 1:
            changed[at : at + 4] = int(rng.choice([0, 1, 0x7F, 0xFF, 2**31 - 1, 2**31, 2**32 - 1])).to_bytes(
                4, "little" if rng.random() < 0.5 else "big"
            )
        elif fault == 2:
            del changed[at : at + length]
        elif fault == 3:
            changed[at:at] = changed[at : at + length]
        elif fault == 4:
            changed[at : at + length] = rng.bytes(min(length, len(changed) - at))
        elif fault == 5:
            changed[at : at + length] = bytes(min(length, len(changed) - at))
        else:
            del changed[at:]
    return bytes(changed)


def _other_model(data: bytes, rng: np.random.Generator) -> bytes:
    """A safetensors file (length of the header, header, weights) that says something else of itself."""
    (length,) = struct.unpack("<Q", data[:8])
    header, weights = data[8 : 8 + length].decode(), bytearray(data[8 + length :])
    places = [at for at, sign in enumerate(header) if sign.isdigit()]
    fault = int(rng.integers(4))
    if fault == 0:
        at = 4 * int(rng.integers(len(weights) // 4))
        weights[at : at + 4] = struct.pack("<f", rng.choice([np.nan, np.inf, -1e30, 0.0]))
    elif fault == 1:
        at = int(rng.choice(places))
        header = header[:at] + str(rng.choice([-1, 0, 7, 10**6, 2**63])) + header[at + 1 :]
    elif fault == 2:
        known = json.loads(header)
        names = list(known)
        first, second = rng.choice(len(names), 2) if len(names) > 1 else (0, 0)
        known[names[first]] = known[names[second]]
        header = json.dumps(known)
    else:
        header += " " * int(2 ** rng.uniform(0, 20))
    encoded = header.encode()
    return struct.pack("<Q", len(encoded)) + encoded + bytes(weights)


def other_words(data: bytes, rng: np.random.Generator) -> bytes:
    """A command line with words exchanged, dropped, or put in; now and then its bytes are damaged, too."""
    words = data.decode("utf-8").split(" ")
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(len(words) + 1))
        words[at : at + int(rng.integers(2))] = rng.choice(WORDS.split(), int(rng.integers(3))).tolist()
    line = " ".join(words).encode("utf-8", "surrogateescape")
    return mutated(line, rng) if rng.random() < 0.2 and line else line


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise `TimeoutError` where the body computes for longer, or waits for longer than `WAITING`."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"took longer than {seconds} s")

    timers = {signal.ITIMER_PROF: signal.SIGPROF, signal.ITIMER_REAL: signal.SIGALRM}
    before = {number: signal.signal(number, late) for number in timers.values()}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WAITING)
    try:
        yield
    finally:
        for timer, number in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


def fault_of(read: Read, path: Path) -> str | None:
    """What went wrong in reading a file, as a traceback; None where it was read, or refused in one line."""
    try:
        with within(SECONDS):
            read(path)
    except VocsepError as error:
        return f"an error of several lines: {error}" if "\n" in str(error) else None
    except Exception:
        return traceback.format_exc()
    return None


def memory() -> float:
    """The most that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(
    count: int, seed: int, folder: Path, kept: Path | None = None, only: Sequence[str] = ()
) -> Iterator[tuple[str, int, list[str]]]:
    """Read ``count`` damaged files of each kind: its name, how many were tried, and the faults found."""
    for kind, (good, read) in kinds(folder).items():
        if only and kind not in only:
            continue
        data, faults, had = good.read_bytes(), [], memory()
        fault = fault_of(read, good)
        assert fault is None, fault
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            path = folder / f"bad{number}{good.suffix}"
            damage = other_words if kind == "command line" else mutated
            path.write_bytes(damage(data, rng))
            before = set(folder.iterdir())
            fault = fault_of(read, path)
            if set(folder.iterdir()) != before:
                fault = f"leaves {sorted(set(folder.iterdir()) - before)}"
            if memory() > had + MEGABYTES:
                fault, had = fault or f"memory grew to {memory():.0f} MB", memory()
            if fault is not None:
                faults.append(f"{kind}, number {number}: {fault}")
                if kept is not None:
                    kept.mkdir(parents=True, exist_ok=True)
                    (kept / path.name).write_bytes(path.read_bytes())
            path.unlink()
        yield kind, count, faults


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 where there was a fault."""
    parser = new_parser("fuzz", __doc__)
    parser.add_argument("--count", type=int, default=COUNT, help=f"damaged files of each kind ({COUNT})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that made a fault")
    parser.add_argument("--only", nargs="+", default=(), metavar="KIND", help="these kinds; default: all")
    given = parser.parse_args(arguments)
    tried, bad = 0, False
    with tempfile.TemporaryDirectory() as temporary:
        for name, count, wrong in run(given.count, given.seed, Path(temporary), given.keep, given.only):
            print(f"{name:17s} {count:6d} tried {len(wrong):4d} faults", *wrong[:3], sep="\n", flush=True)
            tried, bad = tried + count, bad or bool(wrong)
    print(f"{'all':17s} {tried:6d} tried")
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
