"""Looks at pages as somebody with an old phone does: the browser, and what a page is measured by."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile

from loading import ROOT
from playwright.sync_api import Browser, Page, sync_playwright

from infra.setup.browser import browser as installed_browser

QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
OLD_PHONE = {"width": 320, "height": 568}

UNFOLD = """() => document.querySelectorAll("details").forEach(details => { details.open = true; })"""
FOLD = """() => document.querySelectorAll("details").forEach(details => { details.open = false; })"""

# How much wider than the screen the page is, and which amounts break across lines, whatever their currency.
MEASURE = """() => {
  const over = Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth);
  const broken = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const found of texts.currentNode.data.matchAll(/(?:[A-Z]{2}\\p{Sc}|\\p{Sc}|[A-Z]{3}\\u00a0)[\\d,.]*\\d/gu)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, found.index);
      range.setEnd(texts.currentNode, found.index + found[0].length);
      if (new Set([...range.getClientRects()].map(line => Math.round(line.top))).size > 1) broken.push(found[0]);
    }
  }
  return [over, broken];
}"""

# How much wider than the screen the page is with its text at twice the size (WCAG 1.4.4, 1.4.10).
ENLARGED = """() => {
  const {style} = document.documentElement;
  style.fontSize = "200%";
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  style.fontSize = "";
  return over;
}"""


# A phone can write Chinese; a machine without such a font would draw narrower boxes, and everything would fit.
FONTS = f"""<fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>{ROOT}/layers/documents/fonts</dir>
</fontconfig>"""


def keeping_pages(browser: Browser) -> Browser:
    """Another one, which keeps whole pages for its Back, as those of people do and those of tests do not."""
    return browser.browser_type.launch(
        executable_path=installed_browser(), args=QUIET, ignore_default_args=["--disable-back-forward-cache"]
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright, NamedTemporaryFile("w", suffix=".conf") as fonts:
        fonts.write(FONTS)
        fonts.flush()
        browser = playwright.chromium.launch(
            executable_path=installed_browser(), args=QUIET, env={**os.environ, "FONTCONFIG_FILE": fonts.name}
        )
        yield browser
        browser.close()


def measured(page: Page) -> list[str]:
    """What is wrong with how the page stands on the screen, in words."""
    over, broken = page.evaluate(MEASURE)
    return [f"{over} px too wide"] * bool(over) + [f"breaks {amount}" for amount in broken]


def enlarged(page: Page) -> int:
    """By how much the page is too wide for the screen when somebody reads it at twice the size."""
    over: int = page.evaluate(ENLARGED)
    return over


def fits(page: Page) -> None:
    """With everything unfolded nothing scrolls sideways, and no amount breaks."""
    page.evaluate(UNFOLD)
    assert measured(page) == [], page.url
    page.evaluate(FOLD)
