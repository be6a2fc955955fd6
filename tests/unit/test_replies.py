"""An answer to a text: what says that no more are wanted, and what is for a person to hear."""

import re

import pytest

from accord.replies import is_opt_out
from accord.texts import texts


@pytest.mark.parametrize(
    "text",
    ["STOP", "stop", " Stop. ", "“STOP”", "ＳＴＯＰ", "Stop all", "STOPALL", "quit", "End", "revoke",
     "opt out", "Opt-Out!", "cancel", "UNSUBSCRIBE", "please stop", "R", "r", "ｒ", "回复R", "T", "TD",
     "td。", "退订", "【退订】", "拒收", "取消",
     "Stop please", "STOP STOP", "stop! stop!!", "stop all texts", "Stop texting me", "unsubscribe, thanks",
     "Stop, thank you", "谢谢您，退订", "停止了谢谢您", "TD退订", "T退订", "R拒收", "回T", "退订退订", "STOPSTOP",
     "退訂", "请退订", "退订短信，谢谢", "退订了", "TD TD"],
)  # fmt: skip
def test_a_stop_is_one_however_it_is_typed(text: str) -> None:
    assert is_opt_out(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "!", "OK", "yes", "I will stop by tomorrow", "Do not stop", "When does it end?", "cancel my card",
     "取消退订", "停止退订", "取消拒收", "cancel stop", "Cancel unsubscribe", "end opt out",
     "rr", "all", "thanks", "please", "谢谢", "stop the interest", "please call me", "end of the month",
     "取消分期", "不要停止", "我要取消", "停止催收我妈妈",
     "好的", "我不欠钱", "请不要取消我的方案", "停止计息可以吗", "R U there", "STOP sending this to my mother"],
)  # fmt: skip
def test_anything_else_is_not_taken_for_one(text: str) -> None:
    assert not is_opt_out(text)


def test_the_word_that_each_of_our_texts_names_is_a_stop() -> None:
    named = set()
    for template in texts("messages")["contacts"].values():
        for language, pattern in (("en", r"Reply (\w+) to opt out"), ("zh-CN", r"拒收请回复(\w+)")):
            (word,) = re.findall(pattern, template["sms"][language])
            named.add(word)
    assert named == {"STOP", "R"}
    assert all(map(is_opt_out, named))
