"""How the sandbox is asked for: one frozen value, from the command line or from a test.

The rule: everything that the made-up company depends on is here, so that the same options give the same company.
"""

import argparse
from dataclasses import dataclass, field
from datetime import date

from sandbox.faults import Fault, fault
from sandbox.switches import DOCS, Switches, flipped


@dataclass(frozen=True)
class Options:
    """What one sandbox is made from; `today` None is the real one, UTC."""

    host: str = "127.0.0.1"
    port: int = 8001
    seed: int = 1
    projects: int = 40
    members: int = 120
    days: int = 90
    cards_per_day: int | None = None
    today: date | None = None
    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None
    expires_in: int = 36_000
    switches: Switches = field(default_factory=Switches)
    faults: tuple[Fault, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Gives a parser the sandbox's options."""
    default = Options()
    add = parser.add_argument
    add("--host", default=default.host, help="address to listen on (default: %(default)s)")
    add("--port", type=_count, default=default.port, help="port; 0 picks a free one (default: %(default)s)")
    add("--seed", type=int, default=default.seed, help="the same seed and today make the same data")
    add("--projects", type=_count, default=default.projects, help="projects, of every status (default: %(default)s)")
    add("--members", type=_count, default=default.members, help="members, of every status (default: %(default)s)")
    add("--days", type=_count, default=default.days, help="days of work, the last one today (default: %(default)s)")
    add("--cards-per-day", type=_count, metavar="N", help="exactly N time cards each day (default: a card a worker)")
    add("--today", type=date.fromisoformat, metavar="yyyy-MM-dd", help="the day to start on (default: the real one)")
    add("--client-id", metavar="ID", help="the only client id that is let in (default: any)")
    add("--client-secret", metavar="SECRET", help="the only client secret that is let in (default: any)")
    add("--refresh-token", metavar="TOKEN", help="the only refresh token that starts a chain (default: any new one)")
    add("--expires-in", type=_count, default=default.expires_in, metavar="SECONDS", help="life of an access token")
    add("--fault", type=_fault, action="append", default=[], dest="faults", metavar="KIND[,NAME=VALUE...]", help=FAULTS)
    add("--switch", type=_switch, action="append", default=[], dest="switches", metavar="NAME=VALUE", help=SWITCHES)


def options(namespace: argparse.Namespace) -> Options:
    """The options that a parser with `add_arguments` has read."""
    switches = flipped(Switches(), dict(namespace.switches))
    given = {name: each for name, each in vars(namespace).items() if name in Options.__dataclass_fields__}
    return Options(**given | {"switches": switches, "faults": tuple(namespace.faults)})


FAULTS = "a fault from the start, e.g. reset,path=/timeCards,times=2 or latency,seconds=0.2; may be repeated"
SWITCHES = "another reading of Raken, may be repeated: " + "; ".join(f"{name}: {doc}" for name, doc in DOCS.items())


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, but got {text}")
    return count


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def _switch(text: str) -> tuple[str, str]:
    try:
        flipped(Switches(), dict([_pair(text)]))
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from wrong
    return _pair(text)


def _fault(text: str) -> Fault:
    kind, *parts = text.split(",")
    try:
        return fault({"kind": kind.strip(), **dict(_pair(part) for part in parts)})
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from wrong
