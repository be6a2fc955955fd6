"""What every stored value of the domain is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# A hundred times what billing may hand over: with its interest, a plan repays more than what was owed.
MinorUnits = Annotated[int, Field(ge=0, le=10**15, description="money in minor units of the account's currency")]


class Value(BaseModel):
    """A part of a case: immutable; unknown fields of newer versions are ignored when read."""

    model_config = ConfigDict(frozen=True, extra="ignore")
