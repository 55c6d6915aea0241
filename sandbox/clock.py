"""The sandbox's own time: the real one, moved so that it starts on the chosen day.

The rule: nothing else in the sandbox asks what time it is, so that one shift moves timestamps, tokens and quota alike.
"""

from datetime import UTC, date, datetime, timedelta

SECOND = timedelta(seconds=1)


class Clock:
    """A clock that starts on `today` at the real time of day, and can be set, moved and stopped."""

    def __init__(self, today: date | None = None) -> None:
        real = datetime.now(UTC)
        self.today = today or real.date()
        self._shift = datetime.combine(self.today, real.timetz()) - real
        self._stopped: datetime | None = None

    def now(self) -> datetime:
        """The sandbox's time, in whole seconds, UTC."""
        return (self._stopped or datetime.now(UTC) + self._shift).replace(microsecond=0)

    def set(self, now: datetime) -> None:
        """Moves the clock to a time, from which it goes on (or at which it stands)."""
        if self._stopped:
            self._stopped = now
        else:
            self._shift = now - datetime.now(UTC)

    def stop(self) -> None:
        """Lets the clock stand."""
        self._stopped = self.now()

    def go(self) -> None:
        """Lets the clock go on from where it stands."""
        if self._stopped:
            self._shift = self._stopped - datetime.now(UTC)
            self._stopped = None


def stamp(moment: datetime) -> str:
    """A date-time as Raken writes it: yyyy-MM-ddThh:mm:ssZ."""
    return f"{moment.isoformat()[:19]}Z"


def moment(text: str) -> datetime:
    """The reverse of `stamp`.

    Raises:
        ValueError: anything but a date-time with seconds and Z.
    """
    read = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if stamp(read) != text:
        raise ValueError(f"expected yyyy-MM-ddThh:mm:ssZ, but got {text}")
    return read
