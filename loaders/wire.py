"""What every HTTP call has in common, to Raken above all.

The rule it keeps: one call sends one request, and reads no more of the answer than was agreed.
"""

from http import HTTPStatus

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


async def document(url: str, most: int, seconds: float) -> bytes:
    """What stands at an address that is not Raken's; `most` in bytes, to be had within so many seconds.

    Raises:
        OSError: it cannot be had; the message says why.
    """
    within = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session(1) as one, one.get(url, allow_redirects=False, timeout=within) as response:
            if response.status != HTTPStatus.OK:
                raise OSError(f"expected 200, got {response.status}")
            read = await body(response, most)
    except TimeoutError:
        raise OSError(f"no answer within {seconds:g} s") from None
    except aiohttp.ClientError as error:
        raise OSError(type(error).__name__) from None
    if read is None:
        raise OSError(f"expected {most} bytes at most, got more")
    return read
