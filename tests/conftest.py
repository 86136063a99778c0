"""Workers of pytest-xdist share the cores: torch takes no more than its part in each of them.

And signals mean what they mean in a terminal, also where the run was started in the background,
where the shell lets them be ignored.
"""

from __future__ import annotations

import os
import signal


def pytest_configure() -> None:
    for name, usual in _USUAL.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        threads = max(1, (os.cpu_count() or 1) // workers)
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))


_USUAL = {
    "SIGINT": signal.default_int_handler,
    "SIGHUP": signal.SIG_DFL,
    "SIGTERM": signal.SIG_DFL,
}
