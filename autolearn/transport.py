"""One request to the server, made to succeed if that is possible: retries, idempotency, traces, problem
documents."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from autolearn.backoff import Backoff
from autolearn.failures import Unreachable
from autolearn.finding import Place, running_server
from common import context, errors, times

_LIVES = 1.5  # seconds
BREAKS = 2  # how often one request is sent again after its connection broke
_OF_PROXIES = (407, 413, 429)  # also said by what may stand in front of a server, which is there all the same
Body = Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True)
class Patience:
    """Seconds: to find a server that accepts connections, to have a busy one take the request, to await an
    answer."""

    connect: float = 3.0  # a missing server is reported within 5 s in total, start of the interpreter included
    silence: float = 3.0  # then one that has not begun to answer is asked whether it lives
    busy: float = 30.0
    answer: float = 60.0
    quiet_stream: float = 60.0  # streams send a comment at least every 15 s


class Transport:
    """Sends requests to one server; owns the connection pool."""

    def __init__(
        self,
        place: Place,
        *,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.place = place
        self.remark: Callable[[str], None] = lambda _: None
        """Told what a person who waits wants to know."""
        self.patience = patience or Patience()
        headers = {"User-Agent": "autolearn-client"}
        if place.token:
            headers["Authorization"] = f"Bearer {place.token}"
        here = urlsplit(place.url).hostname in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.AsyncClient(
            base_url=place.url,
            headers=headers,
            transport=transport,
            # Loading the certificates of the world takes 50 ms, a tenth of a command: without TLS they are not needed.
            verify=not (here and place.url.startswith("http://")),
            # A proxy of the environment is for the world, not for a server on this machine.
            trust_env=not here,
            timeout=httpx.Timeout(self.patience.answer, connect=self.patience.connect),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(self, path: str, **params: Any) -> Any:
        """The JSON document at `path`."""
        return self.document(await self.send("GET", path, params=params))

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: Body | None = None,
        replayable: bool = True,
        headers: Mapping[str, str] | None = None,
        wait: float | None = None,
        timeout: float | None = None,
        raise_problems: bool = True,
    ) -> httpx.Response:
        """The answer, read completely; raises the class of its problem document if it is none of 2xx.

        `wait` asks the server to answer only when the work is done (`Prefer: wait`, seconds, at most 60).
        Because every change carries one `Idempotency-Key` over all its tries, trying again cannot do it
        twice.
        """
        sent = self._headers(method, headers, wait)
        seconds = timeout or self.patience.answer + (wait or 0.0)
        connecting = Backoff(within=self.patience.connect)
        busy = Backoff(within=self.patience.busy)
        breaks = 0
        while True:
            request = self._http.build_request(
                method,
                path,
                params=_query(params),
                json=json,
                content=content() if content else None,
                headers=sent,
                timeout=httpx.Timeout(seconds, connect=max(0.1, connecting.left)),
            )
            try:
                answer = await self._answer(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if not await connecting.pause():
                    raise self._unreachable(error) from error
                continue
            except httpx.TimeoutException as error:
                raise Unreachable(f"{self.place.url} did not answer within {seconds:g} s ({method} {path})") from error
            except httpx.TransportError as error:
                # The server was there and went away, perhaps to start again: time to find it counts from now.
                breaks += 1
                connecting.reset()
                if not replayable or breaks > BREAKS or not await connecting.pause():
                    raise self._unreachable(error) from error
                continue
            if answer.is_success or not raise_problems:
                return answer
            problem = self.problem(answer)
            again = answer.status_code in (429, 503) or problem.code == errors.KeyBusy.code
            if not (again and replayable and await busy.pause(problem.retry_after)):
                raise problem

    @contextlib.asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """The answer to a GET with its body still to be read; raises like `send`.

        A stream that breaks raises `Unreachable`.
        """
        sent = self._headers("GET", headers, None)
        timeout = httpx.Timeout(self.patience.quiet_stream, connect=self.patience.connect)
        connecting, busy = Backoff(within=self.patience.connect), Backoff(within=self.patience.busy)
        while True:
            request = self._http.build_request("GET", path, params=_query(params), headers=sent, timeout=timeout)
            try:
                answer = await self._answer(request, stream=True)
            except httpx.TransportError as error:
                if not await connecting.pause():
                    raise self._unreachable(error) from error
                continue
            try:
                if answer.is_success:
                    yield answer
                    return
                await answer.aread()
            except httpx.TransportError as error:
                raise self._unreachable(error) from error
            finally:
                await answer.aclose()
            problem = self.problem(answer)
            if not (answer.status_code in (429, 503) and await busy.pause(problem.retry_after)):
                raise problem

    async def _answer(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        """The answer to a request. A server that is frozen accepts connections all the same: it is told within 5 s."""
        answering = asyncio.ensure_future(self._http.send(request, stream=stream))
        try:
            await asyncio.wait((answering,), timeout=self.patience.silence)
            if not answering.done() and not await self._lives():
                raise Unreachable(
                    f"{self.place.url} accepts connections but does not answer; "
                    "`autolearn down` and `autolearn up` start a server of this machine again"
                )
            return await answering
        finally:
            answering.cancel()

    async def _lives(self) -> bool:
        """Whether its event loop turns: a busy server says so at once."""
        try:
            return (await self._http.get("/livez", timeout=_LIVES)).is_success
        except httpx.TransportError:
            return False

    def document(self, answer: httpx.Response) -> Any:
        """The answer's JSON; something else answers there if it has none."""
        try:
            return answer.json()
        except ValueError as error:
            raise self._another("") from error

    def problem(self, answer: httpx.Response) -> errors.AutoLearnError:
        """The error that an answer's problem document names."""
        try:
            said = answer.json()
        except ValueError:
            said = None
        if not isinstance(said, dict) or "status" not in said:
            asked = f"{answer.request.method} {answer.request.url.path}"
            if not answer.is_server_error and answer.status_code not in _OF_PROXIES:
                return self._another(f" ({asked}: {answer.status_code} {answer.reason_phrase})")
            said = {"detail": f"{asked}: {answer.reason_phrase}"}
        problem = errors.from_problem({"status": answer.status_code, **said})
        problem.retry_after = _retry_after(answer.headers.get("Retry-After"))
        for flaw in problem.flaws:  # a notebook shows notes below the error (PEP 678)
            near = f"; did you mean {' or '.join(flaw.suggestions)}?" if flaw.suggestions else ""
            problem.add_note(f"{flaw.pointer or '/'}: {flaw.detail}{near}")
        return problem

    def _another(self, why: str) -> Unreachable:
        return Unreachable(
            f"what answers at {self.place.url} is not an AutoLearn server{why}; "
            "name the server by --url or AUTOLEARN_URL"
        )

    def _headers(self, method: str, given: Mapping[str, str] | None, wait: float | None) -> dict[str, str]:
        headers = {"Traceparent": context.current().child().traceparent, **(given or {})}
        if method != "GET":
            headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
        if wait:
            headers["Prefer"] = f"wait={int(wait)}"
        return headers

    def _unreachable(self, error: httpx.TransportError) -> Unreachable:
        # httpx hides the system's words ("connection refused") behind "all connection attempts failed".
        cause: BaseException = error
        while cause.__cause__ or cause.__context__:
            cause = cause.__cause__ or cause.__context__ or cause
        code = getattr(cause, "errno", None)
        why = (os.strerror(code) if code and code > 0 else str(error) or type(error).__name__).strip().rstrip(".")
        server = running_server()
        if server is not None and server.stopping and server.url == self.place.url:
            return Unreachable(
                f"the server at {server.url} (process {server.pid}) is stopping: what runs has a moment to end; "
                "`autolearn down` waits for it, `autolearn up` starts it again afterwards"
            )
        return Unreachable(
            f"no server answers at {self.place.url} ({why[:1].lower()}{why[1:]}); "
            "start one with `autolearn up`, or name another by --url or AUTOLEARN_URL"
        )


def _query(params: Mapping[str, Any] | None) -> list[tuple[str, str | int | float | bool | None]]:
    # Lists become repeated parameters; what is not given is left to the server's default.
    pairs: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in (params or {}).items():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if each is not None:
                pairs.append((name, str(each).lower() if isinstance(each, bool) else str(each)))
    return pairs


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date (RFC 9110 §10.2.3)."""
    if not value:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(value))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(value) - times.moment(times.now())).total_seconds())
    return None
