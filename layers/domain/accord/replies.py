"""What a customer answers to a text message: whether they want no more of them."""

import re
import unicodedata

# What our messages name themselves (R, STOP), what 47 CFR 64.1200(a)(10) names (stop, quit, end, revoke, opt out,
# cancel, unsubscribe), and what people in China are used to answering.
_NO_MORE = frozenset(
    {"stop", "stopall", "quit", "end", "revoke", "optout", "cancel", "unsubscribe"}
    | {"r", "t", "td", "拒收", "退订", "取消", "停止"}
)


def is_opt_out(text: str) -> bool:
    """Whether an answer says nothing but that no more texts are wanted, whatever its letters' size, width and marks.

    Any other answer is for a person to hear: a wish in other words must not be taken for one of these, or for none.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = re.sub(r"[\W_]+", "", plain)
    return words in _NO_MORE or words.removeprefix("回复").removeprefix("please") in _NO_MORE
