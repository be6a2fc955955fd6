"""Every page that a customer can reach, in each of its states: without a barrier, small, and whole on an old phone."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browser.looks import OLD_PHONE, UNFOLD, chromium, enlarged, measured
from browser.states import TEXTS, states
from integration.web_fixtures import BASE, ORIGIN, Page, Web, web_on_moto
from playwright.sync_api import Browser, ConsoleMessage, Route

pytestmark = pytest.mark.xdist_group("every page")
LANGUAGES = ("zh-CN", "en")
EVERY_LANGUAGE = os.environ.get("AXE_IN_EVERY_LANGUAGE") == "yes"
MOST_BYTES, MOST_REQUESTS = 60 * 1024, 3

# Every rule that axe has on by default (WCAG 2.2 A and AA, and best practice), and the one of WCAG 2.2 AA that is off.
# In the dark nothing but the colours is another, so there the rules about colours are asked again.
RULES = {
    "light": {"rules": {"target-size": {"enabled": True}}},
    "dark": {"runOnly": ["cat.color"]},
}
AXE = """options => axe.run({resultTypes: ["violations"], ...options}).then(({violations}) =>
  violations.flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html.slice(0, 200)}`)))"""


@dataclass
class Rendered:
    """What the pages' handler answers: each state by language and name, the files that pages load, and the routes."""

    pages: dict[str, dict[str, Page]]
    files: dict[str, Page]
    routes: set[str]


@dataclass
class Look:
    """What a page turned out to be in the browser."""

    requests: list[str] = field(default_factory=list)
    bytes: int = 0
    barriers: dict[str, list[str]] = field(default_factory=dict)
    misfits: list[str] = field(default_factory=list)
    too_wide_enlarged: int = 0
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with web_on_moto() as running:
        yield running


@pytest.fixture(scope="module")
def rendered(web: Web) -> Rendered:
    pages = {language: states(web, language) for language in LANGUAGES}
    files = {name: web.browser().send("GET", f"/assets/{name}") for name in web.app.pages.ASSETS}
    return Rendered(
        pages=pages,
        files={f"{ORIGIN}{BASE}{page.path}": page for page in files.values()},
        routes={path for path, methods in web.app.app.routes.items() if "GET" in methods},
    )


class OldPhone:
    """Shows pages as they were answered, with their headers and their files, and asks nobody else for anything."""

    def __init__(self, browser: Browser, files: dict[str, Page]) -> None:
        self.tab = browser.new_context(viewport=OLD_PHONE).new_page()
        self.tab.route("**/*", self.serve)
        self.tab.on("console", self.hear)
        self.files, self.served, self.look = files, files, Look()

    def look_at(self, page: Page, by_axe: bool) -> Look:
        """What a page is like with everything unfolded."""
        address = f"{ORIGIN}{BASE}{page.path}"
        self.served, self.look = {address: page} | self.files, Look()
        self.tab.goto(address)
        self.tab.evaluate(UNFOLD)
        self.look.misfits = measured(self.tab)
        self.look.too_wide_enlarged = enlarged(self.tab)
        if by_axe:
            self.tab.evaluate(AXE_SCRIPT)
        for colours, rules in RULES.items() if by_axe else ():
            self.tab.emulate_media(color_scheme=colours)
            self.look.barriers[colours] = self.tab.evaluate(AXE, rules)
        return self.look

    def serve(self, route: Route) -> None:
        url = route.request.url
        answer = self.served.get(url)
        if answer is None and route.request.is_navigation_request():  # a page that asks again by itself stays
            route.fulfill(status=204)
            return
        self.look.requests.append(url)
        if answer is None:
            route.abort()
            return
        self.look.bytes += len(answer.body)
        route.fulfill(status=answer.status, headers=answer.headers, body=answer.body)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status of" not in message.text:
            self.look.complaints.append(message.text)


@pytest.fixture(scope="module")
def looks(rendered: Rendered) -> dict[str, dict[str, Look]]:
    """A look at every state in every language; by axe, where the markup is another than on the pages before.

    Every day the languages take turns, because markup without its words is the same in both; `make pages` has axe look
    at each markup in each language.
    """
    found: dict[str, dict[str, Look]] = {language: {} for language in LANGUAGES}
    known: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    with chromium() as browser:
        phone = OldPhone(browser, rendered.files)
        for number, name in enumerate(rendered.pages[LANGUAGES[0]]):
            for language in LANGUAGES if number % 2 else reversed(LANGUAGES):
                page = rendered.pages[language][name]
                markup = without_words(page)
                seen = known[language] if EVERY_LANGUAGE else set().union(*known.values())
                found[language][name] = phone.look_at(page, by_axe=markup not in seen)
                known[language].add(markup)
    return found


def without_words(page: Page) -> str:
    """The page's markup, without the words between the tags, the addresses and the secrets of the visit."""
    own = r'value="([\w-]{22,64}|en|zh-CN)"|href="[^"]*"|(hreflang|lang|aria-label|title)="[^"]*"'
    markup = re.sub(own, "", page.html)
    return re.sub(r">[^<]+<", "><", markup)


@pytest.mark.parametrize("colours", RULES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_has_a_barrier(looks: dict[str, dict[str, Look]], language: str, colours: str) -> None:
    found = {name: look.barriers[colours] for name, look in looks[language].items() if look.barriers}
    assert len(found) > 25
    assert {name: barriers for name, barriers in found.items() if barriers} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_on_an_old_phone_nothing_scrolls_sideways_and_no_amount_breaks(
    looks: dict[str, dict[str, Look]], language: str
) -> None:
    assert {name: look.misfits for name, look in looks[language].items() if look.misfits} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_on_an_old_phone_text_of_twice_the_size_does_not_scroll_sideways(
    looks: dict[str, dict[str, Look]], language: str
) -> None:
    assert {name: look.too_wide_enlarged for name, look in looks[language].items() if look.too_wide_enlarged} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_with_all_that_it_loads_is_small_and_comes_in_three_requests(
    looks: dict[str, dict[str, Look]], rendered: Rendered, language: str
) -> None:
    assert {name: look.bytes for name, look in looks[language].items() if look.bytes > MOST_BYTES} == {}
    assert {name: look.requests for name, look in looks[language].items() if len(look.requests) > MOST_REQUESTS} == {}
    # Without a picture in the page a browser would ask for one more file.
    pages = rendered.pages[language]
    assert [name for name, page in pages.items() if '<link rel="icon" href="data:,">' not in page.html] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_safety_headers_let_every_page_load_all_that_it_has(
    looks: dict[str, dict[str, Look]], rendered: Rendered, language: str
) -> None:
    assert {name: look.complaints for name, look in looks[language].items() if look.complaints} == {}
    asked = {url for look in looks[language].values() for url in look.requests}
    assert rendered.files.keys() <= asked
    assert [name for name, look in looks[language].items() if len(look.requests) < 2] == [], "the page and its look"


def test_the_table_has_every_page(rendered: Rendered) -> None:
    """Files apart, which the pages load."""
    for language, pages in rendered.pages.items():
        seen = [urlsplit(page.path).path for page in pages.values() if page.method == "GET"]
        patterns = {route: re.sub(r"\{\w+\}", "[^/]+", route) for route in rendered.routes}
        missing = [route for route, way in patterns.items() if not any(re.fullmatch(way, path) for path in seen)]
        assert missing == [], language


def test_the_table_has_every_sentence_of_the_pages(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a state with words of its own is looked at too. Each text brings its key: "Due" alone stands anywhere."""
    keyed = {key: {tag: f"{text}⟦{key}⟧" for tag, text in texts.items()} for key, texts in TEXTS.items()}
    monkeypatch.setattr(web.app.pages, "_TEXTS", keyed)
    seen = {key for page in states(web, "en").values() for key in re.findall("⟦([^⟧]+)⟧", page.html)}
    assert TEXTS.keys() - seen == set()
