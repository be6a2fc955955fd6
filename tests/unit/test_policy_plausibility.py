"""What looks like a slip in a pack is doubted; what may well be meant is not."""

from typing import Any

import pytest
from builders import TODAY, a_policy, the_policy

from accord.policy import BUCKETS, Policy, jurisdictions, load_policy
from accord.policy_plausibility import USUAL, USUAL_IN_LIVINGS, _by_part, check_plausible

RECOVERY = dict(zip(BUCKETS, (92, 80, 62, 48, 36, 28, 22, 15), strict=True))
BREAKS = dict(zip(BUCKETS, range(8000, 16000, 1000), strict=True))
PRODUCTS = {"ALL": ["INTEREST_FREE"]}
HARDSHIPS = the_policy().rules["assessment.hardship_months"].value
ENDINGS = the_policy().rules["negotiation.new_round_after_days"].value
STOPS = the_policy().rules["contact.stop_on"].value
CATEGORIES = ("food_housekeeping", "communications_leisure", "personal")


def floors(ordinary: int, personalised: int) -> dict[str, int]:
    return {"ORDINARY": ordinary, "PERSONALISED": personalised}


def guidelines(first: int, further: int | None = None) -> dict[str, Any]:
    more = first if further is None else further
    return {"DEFAULT": {name: {"first": first, "further": more} for name in CATEGORIES}}


def floor(first: int) -> dict[str, Any]:
    return {"DEFAULT": {"first": first, "further": first}}


def doubtful_evidence(hardship: str) -> list[dict[str, Any]]:
    return [{"owed_from": 0, "hardships": [hardship], "papers": ["INCOME_PROOF"]}]


def doubts_without_hardships() -> dict[str, Any]:
    return the_policy().rule("assessment.doubts", TODAY).model_dump() | {"income_gone_hardships": []}


def caps(**amounts: int) -> dict[str, Any]:
    return {
        role: {
            part: {"ALL": {"percent": 100, "amount": amount}} for part in ("interest", "penalty_interest", "late_fees")
        }
        for role, amount in amounts.items()
    }


def with_principal(*roles: str) -> dict[str, Any]:
    """The shipped authority, and these roles may give up half of what was lent."""
    matrix: dict[str, Any] = the_policy().model_dump()["rules"]["authority.concession"]["value"]
    for role in roles:
        matrix[role]["principal"] = {"ALL": {"percent": 50, "amount": 500_000}}
    return matrix


def waived(key: str) -> dict[str, Any]:
    return dict(the_policy().rule(key, TODAY))


EVERYBODY = ("POLICY", "NEGOTIATOR", "LEAD", "MANAGER")
MONTHS = {
    name: months
    for name, months in the_policy().rules["assessment.hardship_months"].value.items()
    if name != "INCOME_REDUCED"
}


@pytest.mark.parametrize(
    ("changes", "key", "what"),
    [
        ({"pricing__recovery_percent_without_plan": RECOVERY | {"M3": 63}}, "pricing.recovery_percent_without_plan",
         "it rises from 62 in M2 to 63 in M3"),
        ({"pricing__bulk_sale_percent": {"ALL": 12, "M0": 11}}, "pricing.bulk_sale_percent", "it rises from 11 in M0"),
        ({"pricing__bulk_sale_percent": {"ALL": 16}}, "pricing.bulk_sale_percent", "expects in M6+"),
        ({"pricing__break_ppm_a_month": BREAKS | {"M5": 11_999}}, "pricing.break_ppm_a_month",
         "it falls from 12000 in M4 to 11999 in M5"),
        ({"pricing__break_percent_by_share": [{"share_up_to": 50, "percent": 90}, {"share_up_to": 100, "percent": 80}]},
         "pricing.break_percent_by_share", "up to 100 % of what is left would break less often"),
        ({"authority__cumulative_12_months": {"POLICY": 1_000_000, "NEGOTIATOR": 999_999, "LEAD": 4_000_000,
                                              "MANAGER": 30_000_000}},
         "authority.cumulative_12_months", "NEGOTIATOR may give up less in twelve months (999999) than POLICY"),
        ({"authority__four_eyes_above": 799_999}, "authority.four_eyes_above", "authority for 800000 by itself"),
        ({"authority__concession": caps(POLICY=0, NEGOTIATOR=0, LEAD=0, MANAGER=0)}, "waiver.plan_percent",
         "penalty_interest may be waived in M2"),
        ({"identification__vulnerable_hardships": ["ILNESS", "DISABILITY"]}, "identification.vulnerable_hardships",
         "no hardship ILNESS:"),
        ({"assessment__evidence": doubtful_evidence("JOBLOSS")}, "assessment.evidence", "no hardship JOBLOSS:"),
        ({"identification__exclusions": ["SOLD", "BANCRUPT"]}, "identification.exclusions", "no standing BANCRUPT:"),
        ({"contact__stop_on": ["DECEASED", "CEASE"]}, "contact.stop_on", "nothing sets the word CEASE:"),
        ({"contact__stop_on": [word for word in STOPS if word != "COMPLAINT"]}, "contact.stop_on",
         "messages and calls go on at COMPLAINT"),
        ({"identification__exclusions": ["DECEASED"]}, "identification.exclusions",
         "plans are offered at BANKRUPT, FRAUD, DISPUTED, MORATORIUM, SOLD, CLOSED"),
        ({"identification__vulnerable_hardships": []}, "identification.vulnerable_hardships", "nobody is vulnerable"),
        ({"assessment__doubts": doubts_without_hardships()}, "assessment.doubts", "income_gone_hardships is empty"),
        ({"review__least_role": {"FOUREYES": "LEAD"}}, "review.least_role", "no reason for a review FOUREYES:"),
        ({"offer__min_instalment": 333_334}, "offer.min_instalment", "60 instalments of 333334 come to more"),
        ({"assessment__protected_floor": floor(0)}, "assessment.protected_floor", "nothing is protected"),
        ({"assessment__protected_floor": floor(1_200)}, "assessment.protected_floor", "beside 230000"),
        ({"assessment__protected_floor": floor(12_000_000)}, "assessment.protected_floor", "beside 230000"),
        ({"assessment__guidelines": guidelines(30_000)}, "assessment.guidelines", "has 90000 in all categories"),
        ({"offer__price_floor_percent": floors(85, 0)}, "offer.price_floor_percent", "any plan that beats none"),
        ({"offer__price_floor_percent": floors(100, 75)}, "offer.price_floor_percent", "best for the bank"),
        ({"offer__price_floor_percent": floors(74, 75)}, "offer.price_floor_percent", "left less than"),
        ({"offer__products": PRODUCTS | {"M4": []}}, "offer.products", "nobody in M4 is offered anything"),
        ({"offer__rates_ppm": [15, 12, 9]}, "offer.rates_ppm", "15, 12, 9 is unusual: usual are 1000 to 400000 a year"),
        ({"pricing__discount_rate_ppm": 6}, "pricing.discount_rate_ppm", "1 per cent is written 10000"),
        ({"pricing__break_ppm_a_month": dict(zip(BUCKETS, range(1, 9), strict=True))}, "pricing.break_ppm_a_month",
         "a month, in parts per million"),
        ({"identification__early_contact_pd_ppm": 30}, "identification.early_contact_pd_ppm", "parts per million"),
        ({"identification__watch": {"days_past_due_up_to": 5_000, "pd_below_ppm": 250_000}}, "identification.watch",
         "days_past_due_up_to: 5000 is unusual"),
        ({"identification__watch": {"days_past_due_up_to": 5, "pd_below_ppm": 25}}, "identification.watch",
         "pd_below_ppm: 25 is unusual"),
        ({"assessment__affordability_percent": 0}, "assessment.affordability_percent", "0 is unusual"),
        ({"assessment__affordability_percent": 1}, "assessment.affordability_percent", "80 is 80 per cent"),
        ({"assessment__history_percent": 0}, "assessment.history_percent", "0 is unusual"),
        ({"assessment__income_counted_percent": {"BILLING": 1, "STAFF": 1, "CUSTOMER": 1}},
         "assessment.income_counted_percent", "1 is unusual"),
        ({"assessment__hardship_months": dict.fromkeys(HARDSHIPS, 180)}, "assessment.hardship_months", "120 months"),
        ({"lump_sum__months_to_pay": 60}, "lump_sum.months_to_pay", "60 is unusual: usual are 1 to 12 months"),
        ({"retention__recording_years": 365}, "retention.recording_years", "30 years"),
        ({"plan__max_term_months": 5, "offer__ordinary_max_months": 3}, "plan.max_term_months", "usual are 6 to 120"),
        ({"assessment__protected_floor": {"DEFAULT": {"first": 120_000, "further": 0}}}, "assessment.protected_floor",
         "DEFAULT: 0 for each further person, beside 120000 for the first"),
        ({"assessment__protected_floor": {"DEFAULT": {"first": 120_000, "next": [12_000_000], "further": 120_000}}},
         "assessment.protected_floor", "12000000, 120000 for each further person"),
        ({"assessment__guidelines": guidelines(60_000, further=6_000_000)}, "assessment.guidelines",
         "DEFAULT, personal: 6000000 for each further person"),
        ({"offer__terms_months": [6, 12, 24]}, "offer.terms_months", "nobody gets a personalised plan"),
        ({"offer__ordinary_max_months": 60}, "offer.ordinary_max_months", "never asked whether the debt exceeds"),
        ({"pricing__recovery_percent_without_plan": {"ALL": 99}}, "pricing.recovery_percent_without_plan",
         "more than 90 % come in without a plan in M1, M2"),
        ({"identification__watch": {"days_past_due_up_to": 30, "pd_below_ppm": 200_000}}, "identification.watch",
         "days_past_due_up_to: 30 is unusual"),
        ({"identification__watch": {"days_past_due_up_to": 5, "pd_below_ppm": 1_000_000}}, "identification.watch",
         "pd_below_ppm: 1000000 is unusual"),
        ({"assessment__essential_percent_when_unknown": {"least": 40, "most": 95}},
         "assessment.essential_percent_when_unknown", "105 % of the income are taken as spent"),
        ({"identification__exclusions": ["SOLD", "VULNERABLE"]}, "identification.exclusions", "needs care most"),
        ({"identification__exclusions": ["SOLD", "NORMAL"]}, "identification.exclusions", "NORMAL: no account"),
        ({"assessment__evidence": [{"owed_from": 5_000_000, "papers": ["INCOMEPROOF"]}]}, "assessment.evidence",
         "no page has words for INCOMEPROOF"),
        ({"assessment__evidence": [{"owed_from": 50_000, "papers": ["INCOME_PROOF"]}]}, "assessment.evidence",
         "owed_from: 50000 is unusual"),
        ({"assessment__income_counted_percent": {"BILLING": 100, "STAFF": 80, "CUSTOMER": 90}},
         "assessment.income_counted_percent", "counts for more than what staff have seen"),
        ({"authority__four_eyes_above": 200_000_000}, "authority.four_eyes_above", "two are never asked"),
        ({"review__low_confidence_above": 50_000}, "review.low_confidence_above", "50000 is unusual"),
        ({"assessment__contingency_cap": 500}, "assessment.contingency_cap", "500 is unusual"),
        ({"waiver__plan_percent": {"late_fees": {"M1": 100, "M2": 50}}}, "waiver.plan_percent",
         "late_fees falls from 100 in M1 to 50 in M2"),
        ({"offer__products": PRODUCTS | {"M4": ["LUMP_SUM"]}}, "offer.products", "in M4 it has to be paid at once"),
        ({"offer__valid_days": 336}, "offer.valid_days", "90 days"),
        ({"pricing__cost_of_plan": 9_999_999_999}, "pricing.cost_of_plan", "9999999999 is unusual beside a month's"),
        ({"offer__min_instalment": 100}, "offer.min_instalment", "fen, cents, pence"),
        ({"review__low_confidence_above": 500}, "review.low_confidence_above", "500 is unusual"),
        ({"tax__forgiveness_report_threshold": 600}, "tax.forgiveness_report_threshold", "600 is unusual"),
        ({"identification__segments": [{"name": "SMALL", "owed_below": 5_000}, {"name": "LARGE"}]},
         "identification.segments", "owed_below: 5000 is unusual"),
        ({"authority__cumulative_12_months": {"POLICY": 0, "NEGOTIATOR": 0, "LEAD": 0, "MANAGER": 0}},
         "authority.cumulative_12_months", "MANAGER may give up 20000000 of one component in one plan"),
        ({"contact__channels": ["SMSS"]}, "contact.channels", "nobody is contacted by SMSS"),
        ({"contact__channels": ["SMS", "CALL", "SMS"]}, "contact.channels", "SMS: twice in one list"),
        ({"offer__terms_months": [3, 6, 12, 12]}, "offer.terms_months", "12: twice in one list"),
        ({"offer__rates_ppm": [90_000, 60_000, 90_000]}, "offer.rates_ppm", "90000: twice in one list"),
        ({"offer__products": PRODUCTS | {"M1": ["LUMP_SUM", "LUMP_SUM"]}}, "offer.products", "LUMP_SUM: twice"),
        ({"waiver__steps_percent": [50, 100]}, "waiver.steps_percent", "every plan waives something"),
        ({"waiver__steps_percent": [0, 50]}, "waiver.steps_percent", "no plan waives as much"),
        ({"authority__concession": caps(POLICY=0, NEGOTIATOR=200_000, LEAD=200_000, MANAGER=200_000)},
         "authority.concession", "POLICY may give up a share of interest but no amount"),
        ({"assessment__hardship_months": MONTHS | {"INCOME_REDUCD": 12}}, "assessment.hardship_months",
         "refused that tell INCOME_REDUCED"),
        ({"contact__third_party_allowed_when": ["ALWAYS"]}, "contact.third_party_allowed_when", "known of ALWAYS"),
        ({"assessment__dependants_when_unknown": {"least": 0, "most": 0}}, "assessment.dependants_when_unknown",
         "most: 0 is unusual: usual are 1 to 10 persons"),
        ({"assessment__dependants_when_unknown": {"least": 2, "most": 2}}, "assessment.dependants_when_unknown",
         "least and most are both 2: what nobody knows counts as if it were known"),
        ({"assessment__income_counted_percent": {"BILLING": 80, "CUSTOMER": 90, "STAFF": 100}},
         "assessment.income_counted_percent", "counts for more than what is on record"),
        ({"negotiation__new_round_after_days": dict.fromkeys(ENDINGS, 0)},
         "negotiation.new_round_after_days", "asked again the next night"),
        ({"assessment__other_debts_percent_when_unknown": {"least": 0, "most": 0}},
         "assessment.other_debts_percent_when_unknown", "most: 0 is unusual"),
        ({"assessment__other_debts_percent_when_unknown": {"least": 5, "most": 5}},
         "assessment.other_debts_percent_when_unknown", "least and most are both 5"),
        ({"assessment__essential_percent_when_unknown": {"least": 10, "most": 10}},
         "assessment.essential_percent_when_unknown", "least and most are both 10"),
        ({"assessment__essential_percent_when_unknown": {"least": 10, "most": 29}},
         "assessment.essential_percent_when_unknown", "most: 29 is unusual: usual are 30 to 95"),
        ({"assessment__fixed_costs_when_unknown": {"DEFAULT": {"first": 3_000, "further": 10_000}}},
         "assessment.fixed_costs_when_unknown", "first: 3000 is unusual beside a month's living"),
        ({"assessment__fixed_costs_when_unknown": {"DEFAULT": {"first": 30_000, "further": 0}}},
         "assessment.fixed_costs_when_unknown", "further: 0 is unusual beside a month's living"),
        ({"contact__service_despite": ["BANKRUPT", "REPRESENTED", "CEASE_CONTACT", "COMPLAINT"]},
         "contact.service_despite", "BANKRUPT, REPRESENTED, CEASE_CONTACT: answers are sent although contact.stop_on"),
        ({"authority__four_eyes_above": 30_000_000}, "authority.four_eyes_above",
         "more than 30000000 in a year: two are never asked"),
        ({"assessment__evidence": []}, "assessment.evidence", "it is empty: nobody has to show a paper"),
        ({"assessment__evidence": [{"owed_from": 57_500_001, "papers": ["INCOME_PROOF"]}]}, "assessment.evidence",
         "owed_from: 57500001 is unusual"),
        ({"review__vulnerable": False}, "review.vulnerable", "it is false: no person looks"),
        ({"automated_decision__human_review_on_request": False}, "automated_decision.human_review_on_request",
         "it is false: who asks for a person's decision"),
        ({"review__least_role": {}}, "review.least_role", "any of staff may decide at AMOUNT_ABOVE_LIMIT, FOUR_EYES"),
        ({"review__financed_above": 100_000_000}, "review.financed_above", "100000000 is unusual"),
        ({"review__low_confidence_above": 100_000_000}, "review.low_confidence_above", "100000000 is unusual"),
        ({"authority__concession": with_principal(*EVERYBODY)}, "authority.concession",
         "POLICY may give up principal in M0, M1, M2, M3, M4, M5, M6, M6+: the debt itself, and no person looks"),
        ({"authority__concession": with_principal("MANAGER"),
          "waiver__plan_percent": waived("waiver.plan_percent") | {"principal": {"M0": 0, "M6": 10, "M6+": 50}}},
         "waiver.plan_percent", "principal is waived in M6, M6+: that needs a write-off"),
        ({"authority__concession": with_principal("MANAGER"),
          "waiver__lump_sum_percent": waived("waiver.lump_sum_percent") | {"principal": {"M6+": 50}}},
         "waiver.lump_sum_percent", "principal is waived in M6+: that needs a write-off"),
        ({"offer__price_floor_percent": floors(15, 10)}, "offer.price_floor_percent", "15, 10 is unusual"),
        ({"offer__price_floor_percent": floors(50, 49)}, "offer.price_floor_percent", "49 is unusual"),
        ({"assessment__affordability_percent": 100, "assessment__contingency_percent": 0,
          "assessment__stress_percent": 0, "assessment__savings_kept_months": 0}, "assessment.affordability_percent",
         "a plan may take 100 % of what is left after living"),
        ({"assessment__affordability_percent": 98, "assessment__contingency_cap": 0},
         "assessment.affordability_percent", "a plan may take 98 % of what is left after living"),
        ({"offer__price_ceiling_ppm": 1_000_000}, "offer.price_ceiling_ppm", "1000000 is unusual"),
        ({"offer__products": {"ALL": ["INSTALMENT"]}}, "offer.products", "in M0, M1, M2, M3, M4, M5, M6, M6+ every"),
        ({"offer__products": PRODUCTS | {"M3": ["INSTALMENT", "LUMP_SUM"]}}, "offer.products",
         "in M3 every plan of instalments bears the card's own rate"),
    ],
)  # fmt: skip
def test_a_slip_is_doubted_and_the_rule_is_named(changes: dict[str, Any], key: str, what: str) -> None:
    found = [doubt for doubt in check_plausible(a_policy(**changes)) if doubt.key == key]
    assert any(what in doubt.what for doubt in found), found
    assert all(doubt.way_out for doubt in found)
    related = {"waiver.lump_sum_percent", "authority.concession", "authority.four_eyes_above"}
    assert {doubt.key for doubt in check_plausible(a_policy(**changes))} <= {key, *related}


def test_a_bucket_without_any_products_is_found_where_it_is_not_named_at_all() -> None:
    (found,) = check_plausible(a_policy(offer__products={"M1": ["INTEREST_FREE"]}))
    assert "M0, M2, M3, M4, M5, M6, M6+" in found.what


@pytest.mark.parametrize(
    "changes",
    [
        {"pricing__recovery_percent_without_plan": RECOVERY | {"M3": 62}},
        {"authority__four_eyes_above": 800_000},
        {"offer__min_instalment": 333_333},
        {"assessment__guidelines": guidelines(39_900)},  # a table that is rounded part by part
        {"assessment__evidence": doubtful_evidence("OTHER")},
        {"offer__price_floor_percent": floors(99, 99)},
        {"review__low_confidence_above": 0},  # a person looks at all of them
        {"assessment__stress_percent": 0},
        {"offer__rates_ppm": [1_000, 360_000]},
        {"lump_sum__months_to_pay": 12},
        {"assessment__dependants_when_unknown": {"least": 0, "most": 2}},
        {"assessment__affordability_percent": 100},  # a tenth is kept for contingencies before it
        {"assessment__affordability_percent": 95, "assessment__contingency_percent": 0},
        {"authority__four_eyes_above": 29_999_999},
        {"authority__concession": with_principal("MANAGER")},  # who may, where nothing is waived
        {"contact__service_despite": []},
        {"offer__price_floor_percent": floors(50, 50)},
        {"offer__price_ceiling_ppm": 400_000},
        {"review__financed_above": 57_500_000},
        {"offer__products": PRODUCTS | {"M0": ["INSTALMENT", "REDUCED_RATE"]}},
    ],
)
def test_what_may_well_be_meant_is_not_doubted(changes: dict[str, Any]) -> None:
    assert check_plausible(a_policy(**changes)) == []


def test_each_number_of_a_pack_has_its_usual_bounds_or_is_compared_with_others() -> None:
    """A bound whose key is misspelt would never be asked."""
    compared = {
        "assessment.dependants_when_unknown.least", "assessment.other_debts_percent_when_unknown.least",
        "assessment.guidelines.first", "assessment.guidelines.next", "assessment.guidelines.further",
        "assessment.protected_floor.first", "assessment.protected_floor.next", "assessment.protected_floor.further",
        "pricing.break_percent_by_share.share_up_to", "pricing.recovery_percent_without_plan",
    }  # fmt: skip
    packs = [{key: rule.value for key, rule in load_policy(name).rules.items()} for name in jurisdictions()]
    parts = {part for rules in packs for part, _, _ in _by_part(rules)}
    assert parts == {*USUAL, *USUAL_IN_LIVINGS, *compared}


def test_bounds_of_a_chance_are_doubted_where_the_scorecard_knows_no_such_currency() -> None:
    assert check_plausible(load_policy("CN")) == []
    for jurisdiction, currency in (("UK", "GBP"), ("US", "USD")):
        found = check_plausible(load_policy(jurisdiction))
        assert [doubt.key for doubt in found] == ["identification.watch", "identification.early_contact_pd_ppm"]
        assert all(f"knows no {currency}" in doubt.what for doubt in found)


def test_principal_is_settled_in_the_united_states_from_m5_on_and_no_earlier() -> None:
    pack = load_policy("US").model_dump()
    pack["rules"]["waiver.lump_sum_percent"]["value"]["principal"] = {"M4": 20, "M5": 20}
    found = [one for one in check_plausible(Policy.model_validate(pack)) if one.key == "waiver.lump_sum_percent"]
    assert [one.what for one in found] == ["principal is waived in M4: that needs a write-off first"]


@pytest.mark.parametrize("key", sorted(the_policy().rules))
def test_a_rule_that_is_missing_is_not_doubted(key: str) -> None:
    assert check_plausible(a_policy(**{key.replace(".", "__"): None})) == []


def test_a_pack_without_any_rule_is_not_doubted() -> None:
    assert check_plausible(Policy.model_validate(the_policy().model_dump() | {"rules": {}})) == []
