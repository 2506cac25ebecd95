"""Events as they stand in the log: CloudEvents 1.0 with the attributes by which history can be followed."""

from __future__ import annotations

from pydantic import ConfigDict

from common.contracts.base import Answer, Document


class Event(Answer):
    """A CloudEvents 1.0 document.

    `type` is `autolearn.<record>.<past tense>.v1` for a change of state, `autolearn.call.sent.v1` or `.received.v1` for
    a communication. `traceparent` (W3C Trace Context) names the trace, `causationid` what led to it. Changes of state
    have a `subject` (the record), its version as `sequence`, and the digest of the record's event before as `prevhash`;
    what is confidential in their `data` are tokens under `sealed`.
    """

    # An event of a later version may say more: what is stored is shown as it is.
    model_config = ConfigDict(extra="allow")

    specversion: str = "1.0"
    id: str
    type: str
    source: str
    time: str
    subject: str | None = None
    sequence: int | None = None
    actor: str
    traceparent: str
    correlationid: str
    causationid: str
    prevhash: str | None = None
    data: Document
