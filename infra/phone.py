"""A card holder's phone for demonstrations: opens links, fills in forms, keeps cookies. It needs no browser."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import urlsplit

from werkzeug.test import Client, TestResponse

from infra.local.gateway import Gateway
from infra.local.stack import LocalStack

_BROWSER = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "zh-CN,zh;q=0.9"}


class Form(HTMLParser):
    """What the page's own form (the first that goes to the page itself) already holds, and the page's heading."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.heading = ""
        self._in_heading = self._in_own_form = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name")
        if tag == "form":
            self._in_own_form = "action" not in given and not self.fields
        if tag == "input" and name and given.get("type") == "hidden" and self._in_own_form:
            self.fields[name] = given.get("value") or ""
        self._in_heading = tag == "h1"

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.heading += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "h1":
            self._in_heading = False


class Phone:
    """One customer's phone: its messages and its browser."""

    def __init__(self, stack: LocalStack, gateway: Gateway, base_url: str, number: str) -> None:
        self._stack, self._number = stack, number
        address = urlsplit(base_url)
        self._origin = f"{address.scheme}://{address.netloc}"
        self._browser = Client(gateway)
        self.page = ""
        self.path = ""

    def messages(self) -> list[str]:
        """The text messages that arrived, oldest first."""
        return [message.text for message in self._stack.messages if message.to == self._number]

    def link(self) -> str:
        """The path of the newest personal link."""
        links = re.findall(r"https?://[^/\s]+(/c/[A-Za-z0-9_-]{43})", "\n".join(self.messages()))
        return str(links[-1])

    def code(self) -> str:
        """The newest one-time code."""
        return re.findall(r"(?<!\d)\d{6}(?!\d)", self.messages()[-1])[0]

    def cookie(self, name: str) -> str:
        """What the pages keep in the browser under a name. Raises AssertionError where there is nothing."""
        found = self._browser.get_cookie(name, domain=urlsplit(self._origin).hostname or "")
        if found is None:
            raise AssertionError(f"no cookie {name}")
        return found.value

    def open(self, path: str) -> str:
        """Open a page and follow where it leads; returns its heading. Raises AssertionError unless it answers."""
        return self._show(self._get(path))

    def send(self, fields: Mapping[str, str], path: str | None = None) -> str:
        """Fill in the form of the page that is open and send it; returns the next page's heading."""
        filled = Form(self.page).fields | dict(fields)
        where = path or self.path
        return self._show(self._post(where, filled))

    def download(self) -> bytes:
        """Press the page's button that gives a file."""
        answer = self._post(self.path, Form(self.page).fields)
        if answer.status_code != 200 or answer.mimetype != "application/pdf":
            raise AssertionError(f"{self.path} gave {answer.status_code} {answer.mimetype}")
        return answer.data

    def _get(self, path: str) -> TestResponse:
        return self._browser.get(path, base_url=self._origin, headers=_BROWSER)

    def _post(self, path: str, fields: Mapping[str, str]) -> TestResponse:
        headers = {**_BROWSER, "Origin": self._origin}
        return self._browser.post(path, base_url=self._origin, data=fields, headers=headers)

    def _show(self, answer: TestResponse) -> str:
        while answer.status_code == 303:
            answer = self._get(answer.headers["Location"])
        if answer.status_code != 200:
            raise AssertionError(f"{answer.request.path} answered {answer.status_code}: {Form(answer.text).heading}")
        self.page, self.path = answer.text, answer.request.path
        return Form(self.page).heading
