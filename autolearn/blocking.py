"""Running the asynchronous client from synchronous code: an event loop on a thread, and verbs that wait for
it.

Each verb of the synchronous client is one line, `show = blocking(aio.Datasets.show)`: name, signature, types
and docstring stay those of the asynchronous method, for type checkers (`ParamSpec`) and for people who ask at
run time (`__wrapped__`).
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Inner = TypeVar("Inner")


class Portal:
    """An event loop on a daemon thread, so that it works inside notebooks, whose own loop is busy running the
    cell."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="autolearn-client", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """The result of `coroutine`; Ctrl-C cancels it."""
        if self._loop.is_closed():
            coroutine.close()
            raise RuntimeError("this client is closed")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """The items one by one, each awaited when it is asked for.

        Leaving the loop early closes the source.
        """
        try:
            while True:
                try:
                    item = self.run(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if (close := getattr(items, "aclose", None)) is not None and not self._loop.is_closed():
                self.run(close())

    def close(self) -> None:
        """Stop the loop and its thread; harmless when done already."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            # Here and not in `close`: the thread that closes may have a loop of its own that is running.
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)


class Facade(Generic[Inner]):
    """A synchronous view of one asynchronous object."""

    def __init__(self, inner: Inner, portal: Portal) -> None:
        self._inner, self._portal = inner, portal

    def __repr__(self) -> str:
        return repr(self._inner)


class Verb(Generic[P, R]):
    """A method of a façade that calls the asynchronous `verb` of its inner object and `settle`s what that
    gives."""

    def __init__(self, verb: Callable[..., Any], settle: Callable[[Portal, Any], R]) -> None:
        self._verb, self._settle = verb, settle
        self.__doc__ = verb.__doc__

    @overload
    def __get__(self, facade: None, owner: type) -> Self: ...
    @overload
    def __get__(self, facade: Facade[Any], owner: type) -> Callable[P, R]: ...
    def __get__(self, facade: Facade[Any] | None, owner: type) -> Self | Callable[P, R]:
        if facade is None:
            return self
        method = functools.partial(self._verb, facade._inner)
        portal = facade._portal

        @functools.wraps(self._verb.__get__(facade._inner))
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return self._settle(portal, method(*args, **kwargs))

        return call


def blocking(verb: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> Verb[P, R]:
    """The verb, waited for."""
    return Verb(verb, lambda portal, coroutine: portal.run(coroutine))


def giving(
    wrap: Callable[[Any, Portal], T], verb: Callable[Concatenate[Any, P], Coroutine[Any, Any, Any]]
) -> Verb[P, T]:
    """The verb, waited for, its result inside the façade `wrap`."""
    return Verb(verb, lambda portal, coroutine: wrap(portal.run(coroutine), portal))


def iterating(verb: Callable[Concatenate[Any, P], AsyncIterator[T]]) -> Verb[P, Iterator[T]]:
    """The verb's asynchronous iterator as an ordinary one."""
    return Verb(verb, lambda portal, items: portal.iterate(items))
