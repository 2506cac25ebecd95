"""`kafka://USER:PASSWORD@HOST:PORT,HOST:PORT?prefix=NAME&…`: what a URL says about a Kafka cluster."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from common import errors

_PORT = 9092
_DAY = 86_400_000
_MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
_KNOWN = ("prefix", "replication", "partitions", "retention", "mechanism", "ca")


@dataclass(frozen=True)
class KafkaUrl:
    """Where the cluster is, how to log in, and what its topics are to be."""

    servers: tuple[str, ...]
    prefix: str
    replication: int
    """Copies of each topic; -1: as many as the cluster's default says."""
    partitions: int
    """Partitions of the topic of calls, when it is made."""
    retention: int
    """Milliseconds that calls are kept at least; -1: for ever. Changes of state are always kept for ever."""
    login: dict[str, Any] = field(repr=False)

    @property
    def where(self) -> str:
        """What may be shown: the URL holds a password."""
        return ",".join(self.servers)


def parsed(url: str) -> KafkaUrl:
    """Read a URL. Raises `errors.Invalid`, never showing the password."""
    parts = urlsplit(url)
    scheme, told = parts.scheme, parse_qs(parts.query, keep_blank_values=True)
    if unknown := sorted(set(told) - set(_KNOWN)):
        raise errors.Invalid(f"{scheme}: knows no {', '.join(unknown)}; behind the ? may stand {', '.join(_KNOWN)}")
    if parts.path.strip("/") or parts.fragment:
        raise errors.Invalid(f"{scheme}: has no path; the names of topics begin with ?prefix=NAME")
    user, _, hosts = parts.netloc.rpartition("@")
    servers = tuple(_server(scheme, host) for host in hosts.split(","))
    mechanism = told.get("mechanism", [_MECHANISMS[0]])[-1]
    if mechanism not in _MECHANISMS:
        raise errors.Invalid(f"{scheme}: mechanism={mechanism} is none of {', '.join(_MECHANISMS)}")
    prefix = told.get("prefix", ["autolearn"])[-1]
    if not prefix or not all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in prefix):
        raise errors.Invalid(f"{scheme}: prefix= takes letters, digits, dots, _ and -")
    days = _number(scheme, told, "retention", -1)
    return KafkaUrl(
        servers=servers,
        prefix=prefix,
        replication=_number(scheme, told, "replication", -1),
        partitions=_number(scheme, told, "partitions", 4),
        retention=-1 if days < 0 else days * _DAY,
        login=_login(scheme, user, mechanism, told.get("ca", [""])[-1]),
    )


def _server(scheme: str, host: str) -> str:
    try:
        there = urlsplit(f"//{host}")
        name, port = there.hostname, there.port or _PORT
    except ValueError:
        name, port = None, 0
    if not name:
        raise errors.Invalid(f"{scheme}: names no server; use {scheme}://HOST:PORT, several with commas between them")
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _number(scheme: str, told: dict[str, list[str]], name: str, otherwise: int) -> int:
    if name not in told:
        return otherwise
    text = told[name][-1]
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise errors.Invalid(f"{scheme}: {name}={text} is no whole number from 1")
    return int(text)


def _login(scheme: str, user: str, mechanism: str, authority: str) -> dict[str, Any]:
    """The driver's settings for who one is and how the connection is protected."""
    tls = scheme.endswith("+tls")
    if authority and not tls:
        raise errors.Invalid(f"{scheme}: ca= is for {scheme}+tls:")
    login: dict[str, Any] = {"security_protocol": ("SASL_" if user else "") + ("SSL" if tls else "PLAINTEXT")}
    if user:
        name, _, password = user.partition(":")
        login["sasl_mechanism"] = mechanism
        login["sasl_plain_username"], login["sasl_plain_password"] = unquote(name), unquote(password)
    if tls:
        try:
            login["ssl_context"] = ssl.create_default_context(cafile=authority or None)
        except OSError as error:
            raise errors.Invalid(f"{scheme}: ca={authority} cannot be read: {error}") from error
    return login
