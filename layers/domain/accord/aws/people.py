"""The people table: the one place of personal data, under its own key, readable by the few who talk to the person."""

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
        """Keep a person; what billing said earlier never overwrites what it said later."""
        told_at = person.told_at.timestamp()
        try:
            with translated():
                self._db.put_item(
                    TableName=self._people,
                    Item={
                        "cardholder_id": {"S": person.cardholder_id},
                        "told_at": {"N": f"{told_at:.3f}"},
                        "body": {"S": person.model_dump_json()},
                    },
                    ConditionExpression="attribute_not_exists(cardholder_id) OR told_at <= :told_at",
                    ExpressionAttributeValues={":told_at": {"N": f"{told_at:.3f}"}},
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
