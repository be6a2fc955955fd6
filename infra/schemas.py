"""Write docs/events: a JSON Schema for the detail of every event that crosses Accord's edge, from the models in use.

`python -m infra.schemas`
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from accord import billing, events

FOLDER = Path(__file__).parent.parent / "docs" / "events"
INCOMING = (
    billing.AccountOverdue,
    billing.AccountAtRisk,
    billing.AccountInOrder,
    billing.AccountStatusChanged,
    billing.PaymentPosted,
    billing.PaymentReversed,
    billing.ContactReceipt,
)
ENVELOPE = {
    "eventId": {"type": "string", "description": "The same event always carries the same id: hear it once."},
    "caseId": {"type": "string"},
    "accountId": {"type": "string"},
    "at": {"type": "string", "format": "date-time"},
    "eventHash": {
        "type": "string",
        "description": "Its hash in the case's chain: who keeps it is a witness.",
    },
}


class _Generator(GenerateJsonSchema):
    """Pydantic's generator without a title on every field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by the event's type, which is the detail-type on the bus."""
    incoming = {model.__name__: _schema(model, "source begins with billing") for model in INCOMING}
    return incoming | {name: _announced(events.EVENT_TYPES[name]) for name in events.PUBLISHED}


def text_of(schema: dict[str, Any]) -> str:
    """The schema as the file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(model: type[BaseModel], source: str) -> dict[str, Any]:
    comment = f"The detail of an EventBridge event: detail-type {model.__name__}, {source}."
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": comment,
        **model.model_json_schema(schema_generator=_Generator),
    }


def _announced(kind: type[events.CaseEvent]) -> dict[str, Any]:
    """A published event with its envelope. Every field is always there; listeners ignore those that come later."""
    schema = _schema(kind, "source accord")
    schema["properties"] = ENVELOPE | schema["properties"]
    schema["required"] = list(schema["properties"])
    for part in (schema, *schema.get("$defs", {}).values()):
        del part["additionalProperties"]
    return schema


def main() -> None:
    """Write every file and remove those of events that no longer exist."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.schema.json"):
        old.unlink()
    for name, schema in schemas().items():
        (FOLDER / f"{name}.schema.json").write_text(text_of(schema), encoding="utf-8")
    print(f"{len(schemas())} schemas in {FOLDER}")


if __name__ == "__main__":
    main()
