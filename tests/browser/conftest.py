"""A page in headless Chromium; without Chromium the tests skip, and under CI they fail."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

# Those after the first keep Chromium from asking for anything but what the page asks for.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None and os.environ.get("CI"):
        pytest.fail("expected Chromium, but got none on the path: apt-get install chromium")
    if found is None:
        pytest.skip("no Chromium on the path: apt-get install chromium")
    return found


@pytest.fixture
async def page(chromium: str, tmp_path: Path) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=FLAGS, viewport={"width": 1280, "height": 800}
        )
        yield context.pages[0]
        await context.close()
