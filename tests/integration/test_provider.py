"""An identity provider's keys: whose tokens they let in, when they are looked at, and what no key can be made to do."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from structlog.testing import capture_logs

from app.provider import LASTING, MOST, SPACE, Provider, keys
from loaders.errors import Unauthenticated
from sandbox.running import Address
from tests.hands import Hands
from tests.integration.door import SECRET, Door, opened, token
from tests.integration.loopback import Handler, Loopback, answer, hang, loopback, reset, reset_halfway

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
ME = {"query": "{ me { id role } }"}


@cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: Private, id_: str | None, **more: Any) -> dict[str, Any]:
    """A key as a provider shows it."""
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    shown = algorithm.to_jwk(key.public_key(), as_dict=True)  # type: ignore[arg-type]
    return {**shown, "use": "sig", **({"kid": id_} if id_ else {}), **more}


def shown(*given: dict[str, Any]) -> Handler:
    return answer(text=json.dumps({"keys": given}), content_type="application/jwk-set+json")


def made(key: Any, id_: str | None, algorithm: str = "RS256", **claims: Any) -> str:
    """A token of the provider's."""
    given = {"sub": "ann", "role": "MANAGER", "exp": datetime.now(UTC) + timedelta(days=400), **claims}
    return jwt.encode(given, key, algorithm, headers={"kid": id_} if id_ else {})


@pytest.fixture
async def server() -> AsyncIterator[Loopback]:
    """Yields a provider with an RSA key, `r`, and one on a curve, `e`."""
    async with loopback() as script:
        script.always = shown(jwk(rsa_key(), "r"), jwk(ec_key(), "e", alg="ES256"))
        yield script


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def provider(server: Loopback, clock: Hands) -> AsyncIterator[Provider]:
    provider = Provider(f"{server.url}/keys", clock)
    yield provider
    await provider.close()


@pytest.fixture
async def trusting(sandbox: Address, home: str, server: Loopback) -> AsyncIterator[Door]:
    """Yields the door of a gateway that trusts the provider."""
    async with opened(sandbox, home, JWKS_URL=f"{server.url}/keys", JWT_AUDIENCE="gateway") as door:
        yield door


async def status(door: Door, given: str) -> int:
    return (await door.post(ME, {"authorization": f"Bearer {given}"})).status


async def test_tokens_of_the_provider_let_in_and_so_do_those_of_our_own_sign_in(
    trusting: Door, server: Loopback
) -> None:
    for given in (made(rsa_key(), "r", aud="gateway"), made(ec_key(), "e", "ES256", aud="gateway")):
        answer = await trusting.post(ME, {"authorization": f"Bearer {given}"})
        assert answer.data == {"me": {"id": "ann", "role": "MANAGER"}}
    assert await status(trusting, token(aud="gateway")) == 200
    assert [request.path for request in server.requests] == ["/keys"]


async def test_without_an_address_no_key_lets_in(door: Door) -> None:
    assert await status(door, made(rsa_key(), "r")) == 401


def public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def forged(secret: bytes, **header: str) -> str:
    """An HS256 token that is signed with bytes that everybody knows; PyJWT itself refuses to make one."""
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    head = {"alg": "HS256", "typ": "JWT", **header}
    claims = {"sub": "ann", "role": "ADMIN", "aud": "gateway", "exp": 4_000_000_000}
    parts = b".".join(jwt.utils.base64url_encode(json.dumps(part).encode()) for part in (head, claims))
    return (parts + b"." + jwt.utils.base64url_encode(signer.sign(parts, secret))).decode()


async def test_what_is_made_with_a_public_key_or_signed_otherwise_never_passes(trusting: Door) -> None:
    pem = public(rsa_key())
    shown_key = json.dumps(jwk(rsa_key(), "r")).encode()
    tokens = {
        "HS256 by the public key": forged(pem, kid="r"),
        "HS256 by the public key without its last line end": forged(pem.strip(), kid="r"),
        "HS256 by the key as it is shown": forged(shown_key, kid="r"),
        "HS256 by the modulus": forged(jwk(rsa_key(), "r")["n"].encode(), kid="r"),
        "RS256 in name, HS256 by the public key": forged(pem, kid="r", alg="RS256"),
        "RS256 in name, HS256 by our secret": forged(SECRET.encode(), kid="r", alg="RS256"),
        "unsigned": jwt.encode({"sub": "ann", "role": "ADMIN", "exp": 4_000_000_000}, "", "none", {"kid": "r"}),
        "unsigned in capitals": forged(b"", kid="r", alg="NONE"),
        "RS512": made(rsa_key(), "r", "RS512", aud="gateway"),
        "PS256": made(rsa_key(), "r", "PS256", aud="gateway"),
        "a key that is another's": made(rsa_key(number=1), "r", aud="gateway"),
        "the name of a key of another kind": made(rsa_key(), "e", aud="gateway"),
        "a name that is no text": forged(pem, kid=7, alg="RS256"),  # type: ignore[arg-type]
        "another audience": made(rsa_key(), "r", aud="another"),
        "no audience": made(rsa_key(), "r"),
        "ended": made(rsa_key(), "r", aud="gateway", exp=1_000_000_000),
        "no role": made(rsa_key(), "r", aud="gateway", role=None),
    }
    assert {name: await status(trusting, given) for name, given in tokens.items()} == dict.fromkeys(tokens, 401)
    assert await status(trusting, forged(SECRET.encode())) == 200


async def test_a_new_key_is_looked_for_at_once_and_unknown_ones_once_a_minute(
    provider: Provider, server: Loopback, clock: Hands
) -> None:
    await provider.key(made(rsa_key(), "r"))
    clock.move(SPACE)
    server.always = shown(jwk(rsa_key(number=1), "new"))
    assert await provider.key(made(rsa_key(number=1), "new")) is not None
    for name in ("guessed", "r", "guessed again"):
        with pytest.raises(Unauthenticated):
            await provider.key(made(rsa_key(), name))
    assert len(server.requests) == 2
    clock.move(SPACE)
    with pytest.raises(Unauthenticated):
        await provider.key(made(rsa_key(), "guessed"))
    assert len(server.requests) == 3


async def test_a_crowd_at_the_start_waits_for_one_look(provider: Provider, server: Loopback) -> None:
    found = await asyncio.gather(*(provider.key(made(rsa_key(), "r")) for _ in range(50)))
    assert {key.key_id for key in found if key} == {"r"}
    assert len(server.requests) == 1


FAULTS = {
    "away": reset,
    "broken off": reset_halfway,
    "500": answer(500),
    "led elsewhere": answer(302, location="/elsewhere"),
    "HTML": answer(text="<html>"),
    "a list": answer(text="[]"),
    "deep": answer(text="[" * 100_000),
    "no keys": answer(text='{"keys": []}'),
    "keys that are none": answer(text='{"keys": [1, null, "a", {}, {"kty": 7}, {"kty": "RSA"}, {"kty": ["RSA"]}]}'),
    "too long": answer(text=" " * (MOST + 1)),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_provider_in_trouble_leaves_the_keys_that_are_known(
    provider: Provider, server: Loopback, clock: Hands, fault: Handler
) -> None:
    known = made(rsa_key(), "r")
    await provider.key(known)
    good, server.always = server.always, fault
    clock.move(SPACE)
    with capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(Unauthenticated):
                await provider.key(made(rsa_key(), "unknown"))
            assert await provider.key(known) is not None
            clock.move(SPACE)
        server.always = good
        with pytest.raises(Unauthenticated):
            await provider.key(made(rsa_key(), "unknown"))
    assert [line["event"] for line in lines] == ["identity_provider_away", "identity_provider_back"]


async def test_a_key_that_was_withdrawn_is_gone_within_the_hour_and_nobody_waits_for_it(
    provider: Provider, server: Loopback, clock: Hands
) -> None:
    withdrawn = made(rsa_key(), "r")
    await provider.key(withdrawn)
    server.always = shown(jwk(ec_key(), "e"))
    clock.move(LASTING - 1)
    assert await provider.key(withdrawn) is not None
    clock.move(1)
    assert await provider.key(withdrawn) is not None
    assert provider._look is not None
    await provider._look
    with pytest.raises(Unauthenticated):
        await provider.key(withdrawn)


async def test_a_provider_that_hangs_holds_up_neither_known_keys_nor_the_end(
    provider: Provider, server: Loopback, clock: Hands
) -> None:
    known = made(rsa_key(), "r")
    await provider.key(known)
    server.always = hang
    clock.move(LASTING)
    assert await provider.key(known) is not None
    waiting = asyncio.create_task(provider.key(made(rsa_key(), "unknown")))
    await asyncio.sleep(0)
    assert await provider.key(known) is not None
    waiting.cancel()


async def test_a_token_without_a_name_is_read_by_the_only_key_that_signs_so(
    provider: Provider, server: Loopback, clock: Hands
) -> None:
    assert await provider.key(made(rsa_key(), None)) is not None
    server.always = shown(jwk(rsa_key(), "r"), jwk(rsa_key(number=1), "s"))
    clock.move(SPACE)
    with pytest.raises(Unauthenticated):
        await provider.key(made(rsa_key(), "unknown"))
    with pytest.raises(Unauthenticated):
        await provider.key(made(rsa_key(), None))


def test_of_a_key_set_those_that_sign_so_are_taken_and_the_rest_is_passed_over() -> None:
    private = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(), as_dict=True)
    given = [
        jwk(rsa_key(), "good", alg="RS256"),
        {**private, "kid": "one that everybody can sign by"},
        jwk(rsa_key(1024), "short"),
        jwk(rsa_key(), "for encryption", use="enc"),
        jwk(rsa_key(), "of another algorithm", alg="RS512"),
        jwk(ec.generate_private_key(ec.SECP384R1()), "of another curve"),
        {"kty": "oct", "k": "c2VjcmV0LW9mLXRoaXJ0eS10d28tYnl0ZXMtb3ItbW9yZQ", "kid": "a secret", "alg": "HS256"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "off the curve"},
    ]
    found = keys(json.dumps({"keys": given}).encode())
    assert [key.key_id for key in found] == ["good"]
    assert all(isinstance(key.key, rsa.RSAPublicKey) for key in found)
