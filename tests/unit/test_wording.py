"""No threat, no promise, no figure of their own and no unreviewed word stands in what customers are sent or told."""

from copy import deepcopy
from typing import Any

import pytest
from builders import NOW, TODAY, an_offered_case, the_policy

from accord import messages, texts, wording
from accord.errors import TextNotReviewedError
from accord.texts import LANGUAGES
from accord.wording import check_reviewed, improper, own_figures, texts_of_record
from infra.reviews import FILE, problems, said


def test_every_text_is_the_one_that_was_reviewed_and_may_be_said() -> None:
    register = texts.texts(wording.REGISTER)["reviewed"]
    assert list(problems(register)) == []
    for name, text in texts_of_record():
        check_reviewed(name, text)
        assert {language for language, _ in said(text)} == set(LANGUAGES)
    assert FILE.exists()


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "We may seize your salary.", ("seize", "salary")),
        ("en", "Pay your debt or we go to court", ("court",)),
        ("en", "We will tell your employer and your family", ("employer", "family")),
        ("en", "I can promise to waive half", ("promise", "waive")),
        ("en", "Pay immediately", ("immediately",)),
        ("zh-CN", "您须还款，否则通知您的单位和家人并扣押工资", ("单位", "家人", "扣押", "工资")),
        ("zh-CN", "立即还款否则起诉坐牢", ("立即", "起诉", "坐牢")),
        ("zh-CN", "可减免一半", ("减免",)),
        ("en", "Of course we pursue no issue; a courtesy", ()),
        ("zh-CN", "我们愿意和您一起再想办法", ()),
    ],
)
def test_threats_pressure_and_promises_are_known_as_such(language: str, text: str, found: tuple[str, ...]) -> None:
    assert improper(text, language) == found


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("12,000 yuan", ("1", "2", "0", "0", "0")),
        ("50%", ("5", "0", "%")),
        ("１２元", ("１", "２")),
        ("{months}期{link}", ()),
    ],
)
def test_a_figure_that_stands_in_a_text_itself_is_seen(text: str, figures: tuple[str, ...]) -> None:
    assert own_figures(text) == figures


@pytest.fixture
def altered(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The messages, for a test to change."""
    changed = deepcopy(texts.texts("messages"))
    for module in (messages, wording):
        monkeypatch.setattr(module, "texts", lambda name: changed if name == "messages" else texts.texts(name))
    return changed


@pytest.mark.parametrize("words", ["We may seize your salary. Look by {until}", "A kinder word by {until}: {link}"])
def test_words_that_nobody_reviewed_are_not_sent_under_an_old_version_nor_a_new_one(altered: Any, words: str) -> None:
    case = an_offered_case(language="en")
    sender = messages.sender_of(the_policy(), TODAY, "en")

    def write() -> messages.Message:
        ids = [offer.offer_id for offer in case.offers]
        return messages.contact_message("INVITATION", case, ids, sender, "https://plan.bank.example/c/x", NOW)

    write()
    altered["contacts"]["INVITATION"]["sms"]["en"] = words
    with pytest.raises(TextNotReviewedError, match="messages/INVITATION/1 is not the text that was reviewed"):
        write()
    altered["contacts"]["INVITATION"]["version"] = 2
    with pytest.raises(TextNotReviewedError, match="messages/INVITATION/2"):
        write()


def test_a_code_leaves_in_reviewed_words_alone(altered: Any) -> None:
    sender = messages.sender_of(the_policy(), TODAY, "en")
    assert "good for 5 minutes" in messages.identity_code_sms("123456", "en", sender, "plan.bank.example")
    altered["codes"]["identity"]["en"] = "{institution}: {code}. Pay now."
    with pytest.raises(TextNotReviewedError):
        messages.identity_code_sms("123456", "en", sender, "plan.bank.example")


def test_words_can_be_looked_at_before_anything_is_made_for_them(altered: Any) -> None:
    messages.check_template("INVITATION")
    messages.check_codes()
    altered["contacts"]["INVITATION"]["email"]["zh-CN"] += "！"
    altered["codes"]["signature"]["zh-CN"] += "！"
    with pytest.raises(TextNotReviewedError, match="messages/INVITATION/1"):
        messages.check_template("INVITATION")
    with pytest.raises(TextNotReviewedError, match="messages/codes/1"):
        messages.check_codes()
    messages.check_template("REMINDER")


def test_what_may_not_be_said_is_not_entered_and_other_words_need_another_version(altered: Any) -> None:
    register = texts.texts(wording.REGISTER)["reviewed"]
    altered["contacts"]["REMINDER"]["sms"]["en"] += " We go to court on day 3."
    found = list(problems(register))
    assert any("REMINDER" in one and "give it a new version" in one for one in found)
    assert any("'court' may not stand there" in one for one in found)
    assert any("'3' may not stand there" in one for one in found)
