"""The one tree of errors: each class has a stable code, an HTTP status and says whether trying again can help.

    AutoLearnError
    ├── BadRequest 400            does not parse at all
    │   └── UnknownParameter  MethodNotAllowed 405
    ├── Unauthorized 401
    ├── NotFound 404
    ├── Conflict 409              refused because of the present state
    │   ├── AmbiguousReference  AlreadyExists  VersionConflict
    │   ├── SessionBusy  SessionClosed  InUse  KeyBusy  NotReady
    ├── Gone 410                  erased on purpose
    ├── PreconditionFailed 412
    ├── TooLarge 413
    ├── UnsupportedMediaType 415
    ├── Invalid 422               parses, but is wrong; every problem in `errors`
    │   ├── KeyReused  BadFilter  BadData
    ├── PreconditionRequired 428
    ├── TooManyRequests 429
    ├── Internal 500
    │   └── IntegrityError
    ├── Unavailable 503           try again later
    └── StorageFull 507

The docstring of a class is its default message. A problem document (RFC 9457) carries `code`; clients build the same
class again from it (`from_problem`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong with a request: where (RFC 6901 JSON pointer), what, and near misses."""

    pointer: str
    code: str
    detail: str
    suggestions: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """The form inside a problem document; `suggestions` only when there are some."""
        shown: dict[str, Any] = {"pointer": self.pointer, "code": self.code, "detail": self.detail}
        if self.suggestions:
            shown["suggestions"] = list(self.suggestions)
        return shown


class AutoLearnError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        flaws: Iterable[Flaw] = (),
        retry_after: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip().splitlines()[0]
        self.flaws = tuple(flaws)
        self.retry_after = retry_after
        self.extra = dict(extra or {})
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        """The class's own sentence, the same for every occurrence."""
        return (type(self).__doc__ or "").strip().splitlines()[0]


class BadRequest(AutoLearnError):
    """The request could not be parsed."""

    code = "bad_request"
    status = 400


class UnknownParameter(BadRequest):
    """The request has a query parameter that this route does not know."""

    code = "unknown_parameter"


class MethodNotAllowed(BadRequest):
    """This path does not know that method."""

    code = "method_not_allowed"
    status = 405


class Unauthorized(AutoLearnError):
    """A valid token is needed."""

    code = "unauthorized"
    status = 401


class NotFound(AutoLearnError):
    """There is no such thing."""

    code = "not_found"
    status = 404


class Conflict(AutoLearnError):
    """The present state does not allow this."""

    code = "conflict"
    status = 409


class AmbiguousReference(Conflict):
    """The reference fits more than one thing."""

    code = "ambiguous_reference"


class AlreadyExists(Conflict):
    """Something with this identity exists already."""

    code = "already_exists"


class VersionConflict(Conflict):
    """Somebody else changed it in between."""

    code = "version_conflict"
    retryable = True


class SessionBusy(Conflict):
    """The session has jobs that are still open."""

    code = "session_busy"


class SessionClosed(Conflict):
    """The session is no longer open."""

    code = "session_closed"


class InUse(Conflict):
    """It is still used by something else."""

    code = "in_use"


class KeyBusy(Conflict):
    """The first request with this Idempotency-Key is still running."""

    code = "key_busy"
    retryable = True


class NotReady(Conflict):
    """The result is not there yet."""

    code = "not_ready"


class Gone(AutoLearnError):
    """It was erased on purpose and cannot come back."""

    code = "gone"
    status = 410


class PreconditionFailed(AutoLearnError):
    """The thing has changed since it was read (If-Match does not fit)."""

    code = "precondition_failed"
    status = 412


class TooLarge(AutoLearnError):
    """The request is larger than this route accepts."""

    code = "too_large"
    status = 413


class UnsupportedMediaType(AutoLearnError):
    """This route does not take that kind of content."""

    code = "unsupported_media_type"
    status = 415


class Invalid(AutoLearnError):
    """The request is understood, but something in it is wrong."""

    code = "invalid"
    status = 422


class KeyReused(Invalid):
    """This Idempotency-Key was used for another request."""

    code = "key_reused"


class BadFilter(Invalid):
    """The filter cannot be understood."""

    code = "bad_filter"


class BadData(Invalid):
    """The file cannot be read as a table."""

    code = "bad_data"


class PreconditionRequired(AutoLearnError):
    """This change needs an If-Match header, so that nobody's change is overwritten."""

    code = "precondition_required"
    status = 428


class TooManyRequests(AutoLearnError):
    """Too much at once; try again later."""

    code = "too_many_requests"
    status = 429
    retryable = True


class Internal(AutoLearnError):
    """Something went wrong on the server; its log has the details under the trace id."""

    code = "internal"
    status = 500


class IntegrityError(Internal):
    """Stored bytes are not what was written."""

    code = "integrity"


class Unavailable(AutoLearnError):
    """The service cannot do this right now; try again later."""

    code = "unavailable"
    status = 503
    retryable = True


class StorageFull(AutoLearnError):
    """There is no room left to store this."""

    code = "storage_full"
    status = 507
    retryable = True


def all_classes(root: type[AutoLearnError] = AutoLearnError) -> list[type[AutoLearnError]]:
    """Every class of the tree, parents first."""
    found = [root]
    for child in root.__subclasses__():
        found.extend(all_classes(child))
    return found


def from_problem(document: Mapping[str, Any]) -> AutoLearnError:
    """Build the error again from its problem document; an unknown code falls back to the class of its status."""
    code, status = str(document.get("code") or ""), int(document.get("status") or 500)
    classes = all_classes()
    chosen = next((c for c in classes if c.code == code), None)
    if chosen is None:
        chosen = next((c for c in classes if c.status == status and c is not AutoLearnError), AutoLearnError)
    flaws = [
        Flaw(
            str(item.get("pointer", "")),
            str(item.get("code", "")),
            str(item.get("detail", "")),
            tuple(item.get("suggestions", ())),
        )
        for item in document.get("errors") or ()
    ]
    known = {"type", "title", "status", "detail", "instance", "code", "errors"}
    extra = {name: value for name, value in document.items() if name not in known}
    return chosen(str(document.get("detail") or document.get("title") or code), flaws=flaws, extra=extra)
