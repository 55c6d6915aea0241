"""The sign-in page and GraphiQL, as a person meets them: by the words on the screen, against a running gateway."""

import asyncio
import re
from contextlib import suppress
from typing import Any, Protocol

import pytest
from playwright.async_api import Error, Locator, Page, Request, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

# A browser starts for each; on a busy machine that alone takes seconds.
pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Gateway(Protocol):
    """A running gateway and the account of an admin."""

    url: str
    email: str
    password: str


PRESSES, MILLISECONDS = 4, 5_000


async def sign_in(page: Page, gateway: Gateway, password: str | None = None) -> None:
    await page.goto(f"{gateway.url}/graphql")
    await page.get_by_label("Email").fill(gateway.email)
    await page.get_by_label("Password").fill(password or gateway.password)
    await page.get_by_role("button", name="Sign in").click()


async def open_graphiql(page: Page, gateway: Gateway) -> None:
    await sign_in(page, gateway)
    await expect(page.locator(".graphiql-query-editor .view-line").first).to_be_visible()


def run_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Execute query")


async def answer_of(page: Page, operation: str) -> Any:
    def asks(request: Request) -> bool:
        sent = request.post_data_json or {}
        return sent.get("operationName") == operation

    await expect(page.locator(".graphiql-query-editor")).to_contain_text(operation)
    # GraphiQL learns a moment after a tab is opened which operation is in it, and runs the one before until then.
    for _ in range(PRESSES):
        with suppress(PlaywrightTimeout):
            async with page.expect_response(lambda response: asks(response.request), timeout=MILLISECONDS) as answered:
                await run_button(page).click()
            return await (await answered.value).json()
    pytest.fail(f"expected {operation} to be asked at one of {PRESSES} presses")


async def test_a_stranger_is_led_to_the_sign_in_page(page: Page, gateway: Gateway) -> None:
    await page.goto(f"{gateway.url}/graphql")
    await expect(page).to_have_url(f"{gateway.url}/login?next=/graphql")
    await expect(page).to_have_title("Sign in · Raken gateway")


async def test_a_wrong_password_shows_the_error_line_and_keeps_the_email(page: Page, gateway: Gateway) -> None:
    await page.goto(f"{gateway.url}/login")
    await expect(page.get_by_role("alert")).to_be_hidden()
    await sign_in(page, gateway, password="not the password")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Email")).to_have_value(gateway.email)
    await expect(page.get_by_label("Password")).to_have_value("")


async def test_the_merged_view_runs_at_the_first_press(page: Page, gateway: Gateway) -> None:
    await open_graphiql(page, gateway)
    await expect(page).to_have_title("Raken gateway")
    await expect(page.locator("#user")).not_to_be_empty()
    await run_button(page).click()
    await expect(page.locator(".graphiql-response")).to_contain_text('"totalCount"')


async def test_the_pages_ask_no_other_origin_and_leave_the_console_clean(page: Page, gateway: Gateway) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type != "info" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await open_graphiql(page, gateway)
    await answer_of(page, "MergedView")
    await page.get_by_role("button", name="Prettify").click()
    await expect(page.locator(".graphiql-response")).to_contain_text('"totalCount"')
    with suppress(Error):  # a worker may have ended
        await asyncio.gather(*(worker.evaluate("0") for worker in page.workers))
    assert {url for url in asked if not url.startswith((f"{gateway.url}/", "data:"))} == set()
    assert any("worker" in url for url in asked)
    assert complaints == []


async def test_every_example_runs_as_it_stands(page: Page, gateway: Gateway) -> None:
    await open_graphiql(page, gateway)
    for operation in ("MergedView", "ProjectPage", "TeamHours", "CacheFreshness"):
        await page.locator(".graphiql-tab").get_by_text(operation, exact=True).click()
        answer = await answer_of(page, operation)
        assert "errors" not in answer
        assert all(answer["data"].values())


async def test_the_example_mutation_changes_nothing_before_a_project_is_chosen(page: Page, gateway: Gateway) -> None:
    await open_graphiql(page, gateway)
    await page.locator(".graphiql-tab").get_by_text("UpdateNotes", exact=True).click()
    answer = await answer_of(page, "UpdateNotes")
    assert answer["data"] == {"updateProjectExtension": None}
    assert answer["errors"]


async def test_an_example_opens_again_from_the_panel(page: Page, gateway: Gateway) -> None:
    await open_graphiql(page, gateway)
    await page.get_by_role("button", name="Show Examples").click()
    await page.get_by_role("button", name="Team and hours").click()
    await expect(page.locator(".graphiql-tab")).to_have_count(6)
    await expect(page.locator(".graphiql-query-editor")).to_contain_text("TeamHours")


async def test_prettify_gives_each_field_its_line(page: Page, gateway: Gateway) -> None:
    await open_graphiql(page, gateway)
    editor = page.locator(".graphiql-query-editor")
    await editor.get_by_text("totalCount").first.click()
    await page.keyboard.press("End")
    await page.keyboard.insert_text(" again: totalCount")
    await page.get_by_role("button", name="Prettify").click()
    await expect(editor.locator(".view-line").get_by_text(re.compile(r"^\s*again:\s*totalCount$"))).to_be_visible()


async def test_signing_out_ends_the_session(page: Page, gateway: Gateway) -> None:
    await open_graphiql(page, gateway)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Password")).to_be_visible()
    await page.goto(f"{gateway.url}/graphql")
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_a_session_that_ended_leads_to_the_sign_in_page_and_back(page: Page, gateway: Gateway) -> None:
    await open_graphiql(page, gateway)
    await page.context.clear_cookies()
    await run_button(page).click()
    await expect(page.get_by_label("Password")).to_be_visible()
    assert page.url == f"{gateway.url}/login?next=/graphql"
    await page.get_by_label("Email").fill(gateway.email)
    await page.get_by_label("Password").fill(gateway.password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(run_button(page)).to_be_visible()


async def test_a_token_of_ones_own_that_is_refused_is_an_answer_and_not_a_sign_out(
    page: Page, gateway: Gateway
) -> None:
    await open_graphiql(page, gateway)
    await page.get_by_role("button", name="Headers", exact=True).click()
    await page.locator(".graphiql-editor-tool .monaco-editor:visible").click()
    await page.keyboard.insert_text('{"Authorization": "Bearer not-a-token"}')
    await run_button(page).click()
    await expect(page.locator(".graphiql-response")).to_contain_text("UNAUTHENTICATED")
