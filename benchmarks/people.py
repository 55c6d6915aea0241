"""Who looks at what, and when: people at the dashboard, phones that poll, an administrator, managers who write.

The rule: each of them is an iterator of what to do at which moment, so that a day is the merging of their moments.
"""

from collections.abc import Awaitable, Callable, Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from benchmarks import views
from benchmarks.views import View

Act = Callable[[], Awaitable[object]]


class Moment(NamedTuple):
    """What is done when; the number parts those of one moment."""

    at: datetime
    number: int
    act: Act


class Cast:
    """Everybody who asks; `ids` are of projects and members that they know of."""

    def __init__(self, chance: Random, projects: list[str], members: list[str], today: date) -> None:
        self._chance = chance
        self._projects = projects
        self._members = members
        self._today = today

    def visits(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, View]]:
        """One person's day: a few minutes at the screen, then something else for an hour or so."""
        at = start + self._seconds(0, 5400)
        while at < end:
            yield at, views.dashboard()
            for _ in range(self._chance.randrange(5, 13)):
                at += self._seconds(8, 70)
                yield at, self.view()
            at += self._seconds(1800, 7200)

    def view(self) -> View:
        """What somebody looks at next."""
        choices = {
            lambda: views.project(self._project(), self._today): 50,
            lambda: views.logs(self._project(), self._today): 15,
            views.dashboard: 12,
            lambda: views.day(self._today - timedelta(days=self._chance.randrange(7))): 9,
            views.members: 8,
            views.equipment: 6,
        }
        return self._chance.choices(list(choices), list(choices.values()))[0]()

    def polls(self, start: datetime, end: datetime, every: float) -> Iterator[tuple[datetime, View]]:
        """One phone's day: its own cards, and its project's, in turn."""
        me, at = self._chance.choice(self._members), start + self._seconds(0, every)
        here = self._project()
        while at < end:
            yield at, views.mine(me, self._today)
            yield at + timedelta(seconds=every / 2), views.site(here, self._today)
            at += timedelta(seconds=every)

    def looks(self, start: datetime, end: datetime, every: float) -> Iterator[tuple[datetime, View]]:
        """The administrator's look at how things are."""
        at = start + timedelta(seconds=every / 2)
        while at < end:
            yield at, views.status()
            at += timedelta(seconds=every)

    def every(self, start: datetime, end: datetime, mean: float) -> Iterator[datetime]:
        """Moments that come by chance, so many seconds apart on average."""
        at = start + timedelta(seconds=self._chance.expovariate(1 / mean))
        while at < end:
            yield at
            at += timedelta(seconds=self._chance.expovariate(1 / mean))

    def _project(self) -> str:
        # Some are looked at often, most seldom.
        return self._projects[int(len(self._projects) * self._chance.random() ** 2)]

    def _seconds(self, least: float, most: float) -> timedelta:
        return timedelta(seconds=self._chance.uniform(least, most))
