"""One sandbox: its company, clock, tokens, switches, faults and counts.

The rule: everything that changes while it runs hangs here, so that a reset is made of the same parts as a start.
"""

from typing import Any

from aiohttp import web

from sandbox.clock import Clock, stamp
from sandbox.company import Company, company
from sandbox.counts import Counts
from sandbox.edits import Editor
from sandbox.faults import Faults
from sandbox.limits import Limits
from sandbox.options import Options
from sandbox.switches import Switches
from sandbox.tokens import Tokens


class Sandbox:
    """What the handlers share."""

    company: Company
    editor: Editor
    switches: Switches
    limits: Limits

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock = Clock(options.today)
        self.tokens = Tokens(self.clock, options.expires_in, options.refresh_token)
        self.counts = Counts()
        self.faults = Faults()
        self.reset()

    def reset(self) -> None:
        """Puts everything back to how it started, but for the clock, and the tokens that are out."""
        self.company = company(self.options, self.clock.today)
        self.editor = Editor(self.company)
        self.switches = self.options.switches
        self.limits = Limits(self.clock)
        self.counts.reset()
        self.faults.lift()
        for fault in self.options.faults:
            self.faults.add(fault)

    def now(self) -> str:
        """The sandbox's time as Raken writes it."""
        return stamp(self.clock.now())

    def told(self) -> dict[str, Any]:
        """What it is, as JSON."""
        options = self.options
        return {
            "today": self.clock.today.isoformat(),
            "now": self.now(),
            "seed": options.seed,
            "projects": options.projects,
            "members": options.members,
            "days": options.days,
            "cardsPerDay": options.cards_per_day,
            "collections": list(self.company.collections),
        }


SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox", Sandbox)
