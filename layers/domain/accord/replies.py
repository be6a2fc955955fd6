"""What a customer answers to a text message: whether they want no more of them."""

import re
import unicodedata

# What our messages name themselves (R, STOP), what 47 CFR 64.1200(a)(10) names (stop, quit, end, revoke, opt out,
# cancel, unsubscribe), and what people in China are used to answering, in either script.
_NO_MORE = frozenset(
    {"stop", "stopall", "quit", "end", "revoke", "optout", "cancel", "unsubscribe"}
    | {"r", "t", "td", "拒收", "退订", "退訂", "取消", "停止"}
)
# What people say beside it that makes it no other wish.
_BESIDE = re.compile(r"\b(?:please|pls|all|the|these|texts?|texting|messages?|messaging|sms|me|to|thanks?|thank you)\b")
_BESIDE_IN_CHINESE = re.compile("请|請|麻烦|麻煩|回复|回復|短信|简讯|簡訊|谢谢|謝謝|谢了|了")


def is_opt_out(text: str) -> bool:
    """Whether an answer says nothing but that no more texts are wanted, whatever its letters' size, width and marks,
    how often it says so, and how politely.

    Any other answer is for a person to hear: a wish in other words must not be taken for one of these, or for none.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("_", " ")
    said = re.findall(r"\w+", _BESIDE_IN_CHINESE.sub(" ", _BESIDE.sub(" ", plain)))
    return bool(said) and ("".join(said) in _NO_MORE or all(word in _NO_MORE for word in said))
