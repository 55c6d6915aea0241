"""Notice of the end: what routes requests here is told before the server stops taking them.

One rule: the server hears of a first signal a moment later, and of every other one at once.
"""

import asyncio
import signal
import threading
from types import FrameType

from app.health import Health

NOTICE = 0.5
"Seconds between the first signal and the server's end, in which `/readyz` is 503 and everything else goes on."


def heed(health: Health) -> None:
    """Says on `/readyz` from the first SIGTERM or SIGINT on that the process stops, whoever answers the signals."""
    if threading.current_thread() is not threading.main_thread():
        return  # no other one may listen to signals
    loop = asyncio.get_running_loop()
    present = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    enders = {number: ender for number, ender in present.items() if callable(ender)}

    def came(number: int, frame: FrameType | None) -> None:
        if health.stopping:
            enders[signal.Signals(number)](number, frame)
            return
        health.stopping = True
        loop.call_soon_threadsafe(loop.call_later, NOTICE, signal.raise_signal, number)

    for number in enders:
        signal.signal(number, came)
