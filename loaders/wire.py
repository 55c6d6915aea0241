"""What every HTTP call to Raken has in common.

The rule it keeps: one call sends one request, and reads no more of the answer than was agreed.
"""

import aiohttp


def session(abreast: int) -> aiohttp.ClientSession:
    """A session for so many requests at once: no cookies, no redirects of its own, no silent resending."""
    made = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=abreast),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "raken-gateway"},
    )
    # aiohttp would send a GET again, uncounted, where a kept connection breaks; the quota must see every request.
    made._retry_connection = False  # noqa: SLF001 - there is no public switch
    return made


async def body(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body, decompressed; None where it is longer than so many bytes."""
    read = bytearray()
    async for chunk in response.content.iter_any():
        read += chunk
        if len(read) > most:
            response.close()
            return None
    return bytes(read)
