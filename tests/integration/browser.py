"""A browser at a gateway's door, and the person in it who is asked by Raken.

The rule it keeps: it does what a browser does with cookies, and follows nothing by itself.
"""

from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.cookies import Morsel, SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from app.accounts import COOKIE as SESSION
from sandbox.running import Address
from tests.integration.door import HOST, Answer, Door, token

FORM = {"content_type": "application/x-www-form-urlencoded"}


@dataclass
class Browser:
    """Somebody's browser: cookies, each with the path below which it is sent, and the answers so far."""

    door: Door
    cookies: dict[str, tuple[str, str]] = field(default_factory=dict)
    pages: list[Answer] = field(default_factory=list)

    async def get(self, target: str, **headers: str) -> Answer:
        """What an address of the gateway answers."""
        return await self.call("GET", target, b"", **headers)

    async def call(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        """The same, by any method."""
        path = target.removeprefix(f"http://{HOST}")
        kept = [f"{name}={value}" for name, (value, under) in self.cookies.items() if path.startswith(under)]
        sent = {"cookie": "; ".join(kept)} if kept else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.door.call(method, path, body, sent | named)
        for name, morsel in SimpleCookie(answer.headers.get("set-cookie", "")).items():
            self.cookies[name] = (morsel.value, morsel["path"])
            if morsel["max-age"] == "0":
                del self.cookies[name]
        self.pages.append(answer)
        return answer


def browser(door: Door, role: str | None = "ADMIN") -> Browser:
    """The browser of somebody who is signed in; of a stranger without a role."""
    return Browser(door, {SESSION: (token(role, "ann"), "/")} if role else {})


def cookie(answer: Answer, name: str) -> Morsel[str]:
    """A cookie that an answer sets."""
    return SimpleCookie(answer.headers["set-cookie"])[name]


def asked(sent_off: Answer) -> dict[str, str]:
    """What Raken's consent page is asked with."""
    assert sent_off.status == 303
    return {name: value for name, [value] in parse_qs(urlsplit(sent_off.headers["location"]).query).items()}


def consented(sandbox: Address, sent_off: Answer, consent: str = "allow") -> str:
    """The address to which the consent page leads the person back."""
    form = {name: asked(sent_off)[name] for name in ("redirect_uri", "state")}
    connection = HTTPConnection(urlsplit(sandbox.url).netloc)
    headers = {"content-type": FORM["content_type"]}
    connection.request("POST", "/oauth/authorize", urlencode(form | {"consent": consent}), headers)
    back = connection.getresponse().headers["location"]
    connection.close()
    return str(back)
