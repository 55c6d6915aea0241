"""What is waited for in a test, on a machine that may be busy with others too.

One rule: a time in which the machine had no core for us is not counted. A thread that wakes every few milliseconds
tells by how much it was late. What comes some time, and is promised for no time, is waited for with `GUARD`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

GUARD = 50.0
"Seconds after which a test gives up on what it waits for; only one that fails waits for so long."
_BEAT = 0.005


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Asserts that what is done inside waits for so many seconds at most."""
    late, ended = 0.0, Event()

    def beat() -> None:
        nonlocal late
        while not ended.is_set():
            slept = time.monotonic()
            ended.wait(_BEAT)
            late += max(time.monotonic() - slept - _BEAT, 0.0)

    thread = Thread(target=beat)
    started = time.monotonic()
    thread.start()
    try:
        yield
        took = time.monotonic() - started
    finally:
        ended.set()
        thread.join()
    assert took - late < seconds, f"it waited for {took - late:.2f} s of {took:.2f}, expected less than {seconds} s"
