"""One operation: its share of requests, and what it has been served."""

import asyncio

from loaders.entities.members import MEMBERS
from loaders.entity import SliceKey
from loaders.errors import RakenUnavailable
from loaders.freshness import State
from loaders.operation import Operation, Serving
from tests.unit.world import COMPANY, LIFETIME, slice_of


def test_a_flights_first_request_is_charged_when_it_starts_and_each_further_one_as_it_is_sent() -> None:
    operation = Operation(deadline=0.0, share=50)
    sent = operation.ticket().sent
    assert (operation.share, operation.requests) == (49, 0)
    sent()
    assert (operation.share, operation.requests) == (49, 1)
    sent()
    sent()
    assert (operation.share, operation.requests) == (47, 3)


def test_two_flights_are_charged_apart() -> None:
    operation = Operation(deadline=0.0, share=50)
    for sent in (operation.ticket().sent, operation.ticket().sent):
        sent()
        sent()
    assert (operation.share, operation.requests) == (46, 4)


async def test_it_has_been_served_what_has_come_and_not_what_failed_or_is_awaited() -> None:
    operation = Operation(deadline=0.0)
    loop = asyncio.get_running_loop()
    serving = Serving(slice_of(COMPANY, []), State.FRESH, 0.0, LIFETIME)
    done, failed, given_up = loop.create_future(), loop.create_future(), loop.create_future()
    done.set_result(serving)
    failed.set_exception(RakenUnavailable("Raken is away"))
    given_up.cancel()
    keys = [COMPANY, *(SliceKey(MEMBERS, project) for project in ("failed", "given up", "awaited"))]
    operation.pins = dict(zip(keys, (done, failed, given_up, loop.create_future()), strict=True))
    assert operation.servings() == [serving]
    assert [operation.served(key) for key in keys] == [serving, None, None, None]
    assert operation.served(SliceKey(MEMBERS)) is None


def test_a_flight_that_needed_no_request_is_not_charged() -> None:
    operation = Operation(deadline=8.0, share=10)
    needless, needed = operation.ticket(), operation.ticket()
    needed.sent()
    for ticket in (needless, needed):
        ticket.settle()
    assert (operation.share, operation.requests) == (9, 1)
