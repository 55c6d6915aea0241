"""Where a request comes from: the address that limits count by.

One rule: one line of somebody's is one address; behind a proxy it is what uvicorn takes from a proxy that is trusted.
"""

from contextvars import ContextVar
from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

NETWORK = 64
"Bits of an IPv6 address that are the line's; the rest its owner changes at will (RFC 4291, section 2.5.4)."

CALLER: ContextVar[str] = ContextVar("caller", default="nowhere")
"The address of the request under way."


def address(scope: Scope) -> str:
    """The address of a request: an IPv4 address, the network of an IPv6 one, or what else a server says."""
    client = scope.get("client")
    if not client:
        return "nowhere"
    try:
        found = ip_address(client[0].partition("%")[0])
    except ValueError:
        return str(client[0])
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> NETWORK << NETWORK)}/{NETWORK}"
