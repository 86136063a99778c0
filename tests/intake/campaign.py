"""Many wrong inputs of every kind, and what became of them.

`python -m tests.intake.campaign 200` takes 200 of each kind and prints how many were refused, how
many read, the slowest and the peak of memory; it ends with code 1 where one was neither.
"""

from __future__ import annotations

import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.intake.mutators import mutate
from tests.intake.samples import SAMPLES
from universality.errors import UniversalityError

SECONDS = 120
"""After which an input counts as one that never ends."""


class NeverEndsError(BaseException):
    """Reading goes on and on; no guard may take this for damage."""


def outcome(kind: str, seed: int, place: Path) -> str:
    """What using a wrong input of this kind gives: the error's name, or `read`.

    Anything but a `UniversalityError` passes through.
    """
    sample, rng = SAMPLES[kind], random.Random(f"{kind} {seed}")
    copy = place / f"{kind.replace(' ', '-')}-{seed}"
    sample.make(copy)
    done = mutate(copy, rng)
    try:
        with ended():
            sample.use(copy)
    except UniversalityError as error:
        return type(error).__name__ if str(error) else "an error without words"
    except Exception as error:
        error.add_note(f"{kind} {seed}: {done}")
        raise
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    return "read"


@contextmanager
def ended() -> Iterator[None]:
    """A block that is stopped where it does not end by itself."""

    def stop(_: int, __: FrameType | None) -> None:
        raise NeverEndsError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def main(count: int, kinds: list[str]) -> int:
    """Run the campaign; the number of inputs that were neither read nor refused."""
    wrong, slowest = 0, (0.0, "")
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        for kind in kinds or SAMPLES:
            found: Counter[str] = Counter()
            for seed in range(count):
                start = time.perf_counter()
                try:
                    found[outcome(kind, seed, Path(place))] += 1
                except (Exception, NeverEndsError) as error:
                    wrong += 1
                    found["WRONG"] += 1
                    print("".join(traceback.format_exception(error)[-6:]))  # noqa: T201
                slowest = max(slowest, (time.perf_counter() - start, f"{kind} {seed}"))
            print(f"{kind:<30}", dict(found.most_common()), flush=True)  # noqa: T201
            total += found
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{sum(total.values())} inputs:", dict(total.most_common()))  # noqa: T201
    print(f"slowest {slowest[0]:.1f} s ({slowest[1]}), peak {peak:.2f} GiB")  # noqa: T201
    return wrong


if __name__ == "__main__":
    each = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    sys.exit(bool(main(each, sys.argv[2:])))
