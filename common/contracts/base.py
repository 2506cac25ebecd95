"""The two kinds of wire models: commands refuse what they do not know, answers tolerate it."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=200)]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$")]
Reference = Annotated[str, Field(min_length=1, max_length=300)]
Document = dict[str, Any]


class Command(BaseModel):
    """What a client asks for: strict types and no unknown fields, so that a typing error never passes silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Answer(BaseModel):
    """What a service answers: newer servers may say more than an older client knows."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Item = TypeVar("Item")


class Page(Answer, Generic[Item]):
    """One page of a list: its items, and the cursor of the next page or null after the last."""

    items: list[Item]
    next: str | None = None
