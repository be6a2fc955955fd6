"""The end of the seal's certificate is told of in time: 60, 30 and 7 days before, and when there is none at all."""

import json
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType

import boto3
import pytest
from contract.definitions import of_type
from integration.tables import tables_on_moto
from loading import CONTEXT, load_app

from accord import clock
from accord.errors import SealCertificateError
from accord_documents import self_signed_certificate, subject_name

PARAMETER = "/accord/test/seal-certificate"


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("SEAL_CERTIFICATE_PARAMETER", PARAMETER)
    with tables_on_moto(monkeypatch):
        yield load_app("watch_certificate")


def issue(first: timedelta, *chain: timedelta) -> None:
    """A certificate that ends so long from now, and others behind it."""
    kms = boto3.client("kms")
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    bank, valid = subject_name("Example Bank", "CN"), timedelta(days=3 * 365)
    pems = (self_signed_certificate(kms, key, bank, clock.now() - valid + left) for left in (first, *chain))
    boto3.client("ssm").put_parameter(Name=PARAMETER, Value="".join(pems), Type="String")


@pytest.mark.parametrize(
    ("left", "days"),
    [
        ((timedelta(days=90, hours=1),), 90),
        ((timedelta(days=6, hours=1),), 6),
        ((timedelta(hours=-1),), -1),
        ((timedelta(days=90, hours=1), timedelta(days=20, hours=1)), 20),
    ],
)
def test_each_night_says_how_many_days_the_chain_is_good_for(
    watch: ModuleType, capsys: pytest.CaptureFixture[str], left: tuple[timedelta, ...], days: int
) -> None:
    issue(*left)
    assert watch.handler({}, CONTEXT) == {"days": days}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["SealCertificateDays"] for line in lines if "SealCertificateDays" in line] == [[days]]


@pytest.mark.parametrize(("value", "said"), [(None, "is missing"), ("-", "not a PEM certificate")])
def test_where_there_is_none_the_night_fails_and_so_is_heard(watch: ModuleType, value: str | None, said: str) -> None:
    if value is not None:
        boto3.client("ssm").put_parameter(Name=PARAMETER, Value=value, Type="String")
    with pytest.raises(SealCertificateError, match=said):
        watch.handler({}, CONTEXT)


@pytest.mark.parametrize(("days", "raised"), [(61, 0), (60, 1), (31, 1), (30, 2), (8, 2), (7, 3), (-1, 3)])
def test_alarms_are_raised_one_after_another(days: int, raised: int) -> None:
    alarms = [
        alarm for alarm in of_type("AWS::CloudWatch::Alarm").values() if alarm["MetricName"] == "SealCertificateDays"
    ]
    assert {alarm["ComparisonOperator"] for alarm in alarms} == {"LessThanOrEqualToThreshold"}
    assert sum(days <= alarm["Threshold"] for alarm in alarms) == raised
