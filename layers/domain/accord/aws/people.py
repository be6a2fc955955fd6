"""The people table: the one place of personal data, under its own key, readable by the few who talk to the person."""

import hashlib
from typing import Any

from botocore.exceptions import ClientError

from accord.aws.clients import client, error_code, translated
from accord.errors import PersonNotFoundError
from accord.person import Person


class PeopleStore:
    """Keeps and finds persons by cardholder id."""

    def __init__(self, people_table: str) -> None:
        self._people = people_table
        self._db = client("dynamodb")

    def put(self, person: Person) -> None:
        """Keep a person; what billing said earlier never overwrites what it said later.

        Of the same moment the newest arrival counts, as in a corrected file; what had arrived before it and comes again
        changes nothing. `said` remembers that: digests of persons, which leave this table as little as the persons do.
        """
        told_at = {"N": f"{person.told_at.timestamp():.3f}"}
        body = person.model_dump_json()
        digest = hashlib.sha256(body.encode()).hexdigest()
        newer = self._write(
            self._db.put_item,
            Item={
                "cardholder_id": {"S": person.cardholder_id},
                "told_at": told_at,
                "body": {"S": body},
                "said": {"SS": [digest]},
            },
            ConditionExpression="attribute_not_exists(cardholder_id) OR told_at < :told_at",
            ExpressionAttributeValues={":told_at": told_at},
        )
        if not newer:
            self._write(
                self._db.update_item,
                Key={"cardholder_id": {"S": person.cardholder_id}},
                UpdateExpression="SET body = :body ADD said :said",
                ConditionExpression="told_at = :told_at AND NOT contains(said, :digest)",
                ExpressionAttributeValues={
                    ":told_at": told_at,
                    ":body": {"S": body},
                    ":said": {"SS": [digest]},
                    ":digest": {"S": digest},
                },
            )

    def _write(self, write: Any, **what: Any) -> bool:
        """Whether the condition held."""
        try:
            with translated():
                write(TableName=self._people, **what)
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def get(self, cardholder_id: str) -> Person:
        """The person of that id. Raises PersonNotFoundError."""
        with translated():
            item = self._db.get_item(
                TableName=self._people, Key={"cardholder_id": {"S": cardholder_id}}, ConsistentRead=True
            ).get("Item")
        if item is None:
            raise PersonNotFoundError(cardholder_id)
        return Person.model_validate_json(item["body"]["S"])
