"""Places of one's own in engines that others use too."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


def within(engine: str, url: str, place: str) -> str:
    """The URL of an engine with a place in it: a prefix of names, a database, or a folder of the bucket."""
    if engine == "rabbitmq":
        return f"{url}?prefix={place}"
    if engine == "kafka":
        return f"{url}{'&' if '?' in url else '?'}prefix={place}"
    if engine == "mongo":
        parts = urlsplit(url)
        told = dict(parse_qsl(parts.query))
        if parts.username:  # the database of a URL is also where its user is looked for
            told.setdefault("authSource", parts.path.strip("/") or "admin")
        return urlunsplit(parts._replace(path=f"/{place}", query=urlencode(told)))
    return f"{url}/{place}"
