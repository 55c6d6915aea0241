"""Connecting Raken in a real browser, which keeps cookies and holds pages to their policies by its own rules."""

from typing import Protocol

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Gateway(Protocol):
    """A running gateway and the account of an admin."""

    url: str
    email: str
    password: str


async def test_an_administrator_is_led_from_signing_in_through_rakens_consent_and_back(
    page: Page, gateway: Gateway
) -> None:
    await page.goto(f"{gateway.url}/auth/raken/connect")
    await page.get_by_label("Email").fill(gateway.email)
    await page.get_by_label("Password").fill(gateway.password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("link", name="Connect Raken").click()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("heading", name="Raken is connected")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Raken was not connected")).to_be_visible()
    await expect(page.get_by_text("Raken is connected as it was before.")).to_be_visible()
    await page.evaluate(f"location.href = '{gateway.url.replace('127.0.0.1', 'localhost')}/healthz'")
    await page.wait_for_url("**/healthz")
    await page.evaluate(f"location.href = '{gateway.url}/auth/raken/connect'")
    await expect(page.get_by_role("link", name="Connect Raken")).to_be_visible()
