"""The people table: the one place of personal data, under its own key, readable by the few who talk to the person."""

from datetime import datetime

from botocore.exceptions import ClientError

from accord.aws.clients import client, error_code, translated
from accord.errors import PersonNotFoundError
from accord.person import Person


class PeopleStore:
    """Keeps and finds persons by cardholder id."""

    def __init__(self, people_table: str) -> None:
        self._people = people_table
        self._db = client("dynamodb")

    def put(self, person: Person, sent_at: datetime) -> None:
        """Keep a person; what billing said earlier never overwrites what it said later.

        Of the same moment (`told_at`) what was sent later counts, as in a corrected file. So whatever comes again, in
        any order, changes nothing.
        """
        times = {"told_at": _seconds(person.told_at), "sent_at": _seconds(sent_at)}
        try:
            with translated():
                self._db.put_item(
                    TableName=self._people,
                    Item={
                        "cardholder_id": {"S": person.cardholder_id},
                        "phone": {"S": person.phone},
                        "body": {"S": person.model_dump_json()},
                        **times,
                    },
                    ConditionExpression="attribute_not_exists(cardholder_id) OR told_at < :told_at"
                    " OR (told_at = :told_at AND sent_at <= :sent_at)",
                    ExpressionAttributeValues={f":{name}": value for name, value in times.items()},
                )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def get(self, cardholder_id: str) -> Person:
        """The person of that id. Raises PersonNotFoundError."""
        with translated():
            item = self._db.get_item(
                TableName=self._people, Key={"cardholder_id": {"S": cardholder_id}}, ConsistentRead=True
            ).get("Item")
        if item is None:
            raise PersonNotFoundError(cardholder_id)
        return Person.model_validate_json(item["body"]["S"])

    def of_phone(self, phone: str) -> list[str]:
        """The cardholder ids of everybody with that telephone number."""
        with translated():
            pages = self._db.get_paginator("query").paginate(
                TableName=self._people,
                IndexName="by_phone",
                KeyConditionExpression="phone = :phone",
                ExpressionAttributeValues={":phone": {"S": phone}},
            )
            return [item["cardholder_id"]["S"] for page in pages for item in page["Items"]]


def _seconds(moment: datetime) -> dict[str, str]:
    return {"N": f"{moment.timestamp():.3f}"}
