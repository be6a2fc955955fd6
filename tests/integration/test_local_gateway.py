"""The local gateway speaks to functions as API Gateway does, and shows what the stack is doing."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from werkzeug.test import Client, TestResponse

from accord import clock
from infra.local.gateway import STAFF_ARN, Gateway, http_response, with_links
from infra.local.stack import REGION, LocalStack
from infra.local.template import read_template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = Path(__file__).parent / "fixtures" / "local_stack" / "template.yaml"


pytestmark = pytest.mark.xdist_group("local gateway")


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack(TEMPLATE, {"Stage": "local", "PauseSeconds": "0"}) as running:
        yield running


@pytest.fixture(scope="module")
def browser(stack: LocalStack) -> Client:
    return Client(Gateway(stack))


def event_of(response: TestResponse) -> dict[str, Any]:
    assert response.status_code == 201
    event: dict[str, Any] = json.loads(response.data)
    return event


def test_a_request_becomes_a_proxy_event(browser: Client) -> None:
    event = event_of(
        browser.get(
            "/orders/7%20b/lines?page=1&page=2&empty=",
            headers=[("User-Agent", "Phone"), ("X-Twice", "one"), ("X-Twice", "two")],
        )
    )
    assert event["resource"] == event["requestContext"]["resourcePath"] == "/orders/{order}/lines"
    assert event["path"] == "/orders/7 b/lines"
    assert event["requestContext"]["path"] == "/local/orders/7 b/lines"
    assert event["requestContext"]["stage"] == "local"
    assert event["httpMethod"] == event["requestContext"]["httpMethod"] == "GET"
    assert event["pathParameters"] == {"order": "7 b"}
    assert event["queryStringParameters"] == {"page": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"page": ["1", "2"], "empty": [""]}
    assert event["headers"]["User-Agent"] == event["requestContext"]["identity"]["userAgent"] == "Phone"
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert event["requestContext"]["identity"]["userArn"] is None
    assert (event["body"], event["isBase64Encoded"]) == (None, False)


def test_without_a_query_and_parameters_there_is_null_and_not_an_empty_object(browser: Client) -> None:
    event = event_of(browser.get("/staff"))
    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None
    assert event["pathParameters"] is None


def test_a_body_travels_as_base64_because_every_type_is_binary(browser: Client) -> None:
    event = event_of(browser.post("/orders/7", data={"name": "李雷", "n": "1"}))
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]).startswith(b"name=%E6%9D%8E")
    assert event["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_route_of_staff_has_a_signed_in_identity(browser: Client) -> None:
    assert event_of(browser.get("/staff"))["requestContext"]["identity"]["userArn"] == STAFF_ARN


def test_headers_with_many_values_come_back(browser: Client) -> None:
    response = browser.get("/staff")
    assert response.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers["X-One"] == "1"


def test_a_binary_answer_is_decoded(browser: Client) -> None:
    response = browser.get("/picture")
    assert response.data == b"\x89PNG"
    assert response.headers["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("DELETE", "/staff"), ("HEAD", "/staff"), ("GET", "/orders//lines")]
)
def test_a_route_that_is_not_there_is_answered_as_the_template_says(browser: Client, method: str, path: str) -> None:
    response = browser.open(path, method=method)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["X-Policy"] == "default-src 'none'"
    assert response.text == ("" if method == "HEAD" else "<p>No such page</p>")


def test_what_the_template_does_not_word_is_api_gateways_own_message_without_a_word_of_why(
    browser: Client, stack: LocalStack
) -> None:
    response = browser.get("/broken")
    assert (response.status_code, json.loads(response.data)) == (502, {"message": "Internal server error"})
    assert stack.problems[-1].what == "RuntimeError: broken on purpose"


def test_an_answer_of_another_form_is_a_bad_gateway(browser: Client) -> None:
    assert browser.get("/odd").status_code == 502
    assert http_response("text") is None


def test_a_body_beyond_ten_megabytes_is_refused_in_the_words_for_its_family(browser: Client) -> None:
    response = browser.post("/orders/7", data=b"x" * (10 * 1024 * 1024 + 1), content_type="text/plain")
    assert (response.status_code, json.loads(response.data)) == (413, {"sorry": True})


def test_a_mistyped_address_of_the_application_shows_the_page_of_its_template() -> None:
    template = read_template(ROOT / "template.yaml", REGION, {})
    properties = template.source["Resources"]["Api"]["Properties"]["GatewayResponses"]["MISSING_AUTHENTICATION_TOKEN"]
    response = Client(Gateway(cast("LocalStack", SimpleNamespace(template=template)))).get("/c/cut/short")
    assert response.status_code == 404
    assert response.text == properties["ResponseTemplates"]["application/json"]
    assert response.content_type == "text/html; charset=utf-8"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; ")


# --- the stack's own pages -----------------------------------------------------------------------------------------


def test_the_outbox_shows_texts_and_mails_newest_first_with_links_that_work(browser: Client, stack: LocalStack) -> None:
    stack.client("sesv2").create_email_identity(EmailIdentity="bank@example.com")
    stack.client("sns").publish(PhoneNumber="+8613800000001", Message="请看 https://pay.example/c/Ab-1_。谢谢 <b>")
    stack.client("sesv2").send_email(
        FromEmailAddress="bank@example.com",
        Destination={"ToAddresses": ["someone@example.com"]},
        Content={"Simple": {"Subject": {"Data": "Your offer"}, "Body": {"Text": {"Data": "second"}}}},
    )
    page = browser.get("/outbox").get_data(as_text=True)
    assert '<a href="https://pay.example/c/Ab-1_" target="_blank" rel="noreferrer">' in page
    assert "<b>" not in page
    assert page.index("someone@example.com") < page.index("+8613800000001")
    assert "Your offer" in page


HOME = {"Origin": "http://localhost"}


def test_who_runs_the_stack_moves_business_time_forward(browser: Client) -> None:
    assert 'href="/clock?lang=en"' in browser.get("/").text
    page = browser.get("/clock")
    assert "Refresh" not in page.headers, "nothing that is being typed is lost"
    before = clock.now()
    assert browser.post("/clock", data={"count": "3", "unit": "hours"}, headers=HOME).status_code == 303
    assert timedelta(hours=3) <= clock.now() - before < timedelta(hours=3, minutes=1)


def test_a_text_can_be_answered_from_the_outbox_by_nobody_else(stack: LocalStack, browser: Client) -> None:
    stack.client("sns").publish(PhoneNumber="+8613800000001", Message="您好，拒收请回复R")
    number = len(stack.messages) - 1
    assert f'href="/outbox/{number}"' in browser.get("/outbox").text
    page = browser.get(f"/outbox/{number}")
    assert "拒收请回复R" in page.text
    assert "Refresh" not in page.headers, "nothing that is being typed is lost"
    assert browser.post(f"/outbox/{number}", data={"words": "R"}).status_code == 403
    assert "no such text" in browser.get("/outbox/999").text


def test_who_moves_it_again_finds_the_unit_as_it_was(browser: Client) -> None:
    moved = browser.post("/clock?lang=en", data={"count": " 2 ", "unit": "hours"}, headers=HOME)
    assert '<option value="hours" selected>' in browser.get(moved.headers["Location"]).text
    assert "selected" not in browser.get("/clock").text


@pytest.mark.parametrize(("language", "said"), [("en", "The time was not moved."), ("zh", "时间没有变动。")])
def test_what_was_typed_wrongly_stands_there_with_what_is_asked_for(browser: Client, language: str, said: str) -> None:
    data = {"count": '7"<b>' + "9" * 500, "unit": "hours"}
    page = browser.post(f"/clock?lang={language}", data=data, headers=HOME).text
    assert said in page
    assert 'value="7&#34;&lt;b&gt;999999999999999"' in page
    assert '<option value="hours" selected>' in page


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        ({"count": "1", "unit": "days"}, {}, 403),
        ({"count": "1", "unit": "days"}, {"Origin": "https://elsewhere.example"}, 403),
        ({"count": "-1", "unit": "days"}, HOME, 422),
        ({"count": "0", "unit": "days"}, HOME, 422),
        ({"count": "367", "unit": "days"}, HOME, 422),
        ({"count": "１", "unit": "days"}, HOME, 422),
        ({"count": "1", "unit": "weeks"}, HOME, 422),
        ({}, HOME, 422),
    ],
)
def test_business_time_is_moved_by_nobody_else_and_never_back(
    browser: Client, data: dict[str, str], headers: dict[str, str], status: int
) -> None:
    before = clock.now()
    assert browser.post("/clock", data=data, headers=headers).status_code == status
    assert clock.now() - before < timedelta(minutes=1)


@pytest.mark.parametrize("path", ["/", "/outbox", "/outbox/999", "/executions", "/clock"])
def test_the_pages_speak_both_languages(browser: Client, path: str) -> None:
    english = browser.get(path).get_data(as_text=True)
    chinese = browser.get(path, headers={"Accept-Language": "zh-CN,zh;q=0.9"}).get_data(as_text=True)
    assert '<html lang="en">' in english
    assert '<html lang="zh-CN">' in chinese
    assert '<html lang="zh-CN">' in browser.get(f"{path}?lang=zh").get_data(as_text=True)
    if path not in ("/clock", "/outbox/999"):
        assert browser.get(path).headers["Refresh"] == "5"  # what arrives shows without anybody asking


def test_an_execution_shows_its_state_and_its_history(browser: Client, stack: LocalStack) -> None:
    stack.client("stepfunctions").start_execution(
        stateMachineArn=stack.physical_id("DeliveryStateMachine"), name="shown-1", input='{"order": "shown-1"}'
    )
    stack.settle()
    page = browser.get("/executions").get_data(as_text=True)
    assert "Wait for the customer" in page
    history = browser.get("/executions/delivery-local/shown-1").get_data(as_text=True)
    assert "TaskStateEntered" in history
    assert "There is no such execution" in browser.get("/executions/delivery-local/other").get_data(as_text=True)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://a.example/x.", "https://a.example/x"),
        ("（https://a.example/x）", "https://a.example/x"),
        ("https://a.example/x?y=1&z=2 end", "https://a.example/x?y=1&amp;z=2"),
    ],
)
def test_an_address_ends_where_it_ends(text: str, address: str) -> None:
    assert f'<a href="{address}" target' in with_links(text)
