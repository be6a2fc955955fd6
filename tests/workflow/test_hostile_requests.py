"""Hostile requests against every page of the running application; `make hostile` sends ten thousand of them."""

from collections import Counter

import hostile


def test_no_hostile_request_breaks_changes_or_tells_anything() -> None:
    counts = Counter[str]()
    hostile.run(200, 7, lambda what: counts.update([what]), words=("{{1337*1337}}", "<script>alert(1)</script>"))
    sent = Counter(what.rsplit(" ", 1)[0] for what in counts.elements())
    assert min(sent[attacker.__name__] for attacker in hostile.ATTACKERS) >= 48
    assert counts["a_customer 200"] > 8, "the customer was inside"
    assert counts["another_site 403"] > 4, "and no other site could act for them"
