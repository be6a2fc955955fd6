"""The template's tables, made on moto exactly as the template describes them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import boto3
import pytest
from contract.definitions import RESOURCES
from moto import mock_aws

from accord.aws import clients
from infra.local.moto_patches import requests_cost_less, transactions_are_atomic

_CHEAPER = [*requests_cost_less(), *transactions_are_atomic()]
_KEPT = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")


@contextmanager
def tables_on_moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """CASES_TABLE, EVENTS_TABLE, PEOPLE_TABLE and ACCESS_TABLE, set in the environment and yielded by name."""
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "POWERTOOLS_SERVICE_NAME": "accord",
        "POWERTOOLS_METRICS_NAMESPACE": "Accord",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws(), ExitStack() as cheaper:
        for target, name, value in _CHEAPER:
            cheaper.enter_context(patch.object(target, name, value))
        clients.client.cache_clear()
        names = {}
        dynamodb = boto3.client("dynamodb")
        for logical in ("CasesTable", "EventsTable", "PeopleTable", "AccessTable"):
            properties = {key: value for key, value in RESOURCES[logical]["Properties"].items() if key in _KEPT}
            dynamodb.create_table(TableName=logical, **properties)
            names[logical.replace("Table", "_TABLE").upper()] = logical
        for name, table in names.items():
            monkeypatch.setenv(name, table)
        yield names
    clients.client.cache_clear()
