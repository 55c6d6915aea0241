"""As whom Postgres runs: it refuses root, so a process of root's needs another identity for it.

The rule: the machine stays as it is. No user is made, no directory is opened to others, nothing is copied.
"""

import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Postgres gets nothing of our environment: PGPORT, PGDATA or a locale would change what it does.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}

# Linux ends Postgres with us, whatever ends us; elsewhere the next start stops it.
_TIED_TO_US = ("setpriv", "--pdeathsig=INT", "--")


class PostgresUnable(RuntimeError):
    """Postgres cannot run here; the message says why."""


@dataclass(frozen=True)
class Identity:
    """A way to run a program: the command that becomes it, and the user id that its files belong to."""

    command: tuple[str, ...]
    owner: int


def identity(postgres: Path, home: Path, owner: int | None) -> Identity:
    """Returns the first identity that can run `postgres` in `home`, whose data, if any, belong to `owner`.

    Raises: PostgresUnable.
    """
    refusals = []
    for candidate in _candidates(owner):
        refusal = _refusal(candidate, postgres, home)
        if refusal is None:
            return candidate
        refusals.append(refusal)
    raise PostgresUnable(
        f"expected a way for user {os.geteuid()} to run it, and not as root; got {'; '.join(dict.fromkeys(refusals))}. "
        "Run it as an ordinary user that /etc/passwd names."
    )


def _candidates(owner: int | None) -> Iterator[Identity]:
    for command, files in _ways(os.geteuid(), owner):
        yield Identity((*command, *_TIED_TO_US), files)
        yield Identity(command, files)


def _ways(us: int, owner: int | None) -> Iterator[tuple[tuple[str, ...], int]]:
    if us and _has_name(us):
        yield (), us
    other = _another_user()
    # Inside a user namespace we bear another's name and keep our rights over our own files.
    if us or not owner:
        yield ("unshare", "--user", f"--map-user={other.pw_uid}", f"--map-group={other.pw_gid}", "--"), us
    if not us:
        yield _become(owner or other.pw_uid, other.pw_gid), owner or other.pw_uid


def _become(user: int, group: int) -> tuple[str, ...]:
    # The capability lets it through directories that only root, or only their owner, may enter.
    capability = ("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override")
    return "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *capability, "--"


def _has_name(user: int) -> bool:
    # initdb refuses a user id without a name, such as a container may be given.
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _another_user() -> pwd.struct_passwd:
    users = [entry for entry in pwd.getpwall() if entry.pw_uid]
    if not users:
        raise PostgresUnable("expected a user besides root in /etc/passwd, got none")
    return next((entry for entry in users if entry.pw_name == "nobody"), users[0])


def _refusal(candidate: Identity, postgres: Path, home: Path) -> str | None:
    script = 'cd "$1" && exec "$2" --version'
    command = [*candidate.command, "/bin/sh", "-c", script, "sh", str(home), str(postgres)]
    try:
        trial = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)  # noqa: S603 - ours
    except OSError as error:
        return str(error)
    return trial.stderr.decode(errors="replace").strip() if trial.returncode else None
