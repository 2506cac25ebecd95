"""An experiment trained again from its record, and what came out differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from autolearn.references import Named
from common import errors

if TYPE_CHECKING:
    from autolearn.aio.client import Client

SAME, DIFFERENT = "same", "different"
_CAUSES = ("versions", "platform")
"""What may explain a difference without being one by itself."""


async def reproduce(client: Client, experiment: Named, *, session: Named | None = None) -> dict[str, Any]:
    """Train again as the record of an experiment says, on the same dataset version.

    `{verdict, experiment, training, differences[{what, then, now}], notes[]}`: the verdict is `same` if measures,
    predictions, division and data are. Versions and platform that differ are listed too. Without `session` the new
    training is made in a session of its own, which is discarded. Raises `JobFailed` if training fails now,
    `errors.Invalid` if the dataset version is gone.
    """
    found = await client.experiments.show(experiment)
    request, result = found.request, found.result
    if request is None or result is None:
        raise errors.Conflict(f"{found.id} has no record of its training")
    own = None
    if session is None:
        own = await client.sessions.open(f"reproduce-{found.id[-8:]}")
        session = own.id
    try:
        split = request["split"]
        job = await client.train(
            request["dataset"]["id"],
            request["algorithm"],
            request.get("target"),
            session=session,
            parameters=request["parameters"],
            task=request["task"],
            features=request["features"],
            positive_class=request.get("positive_class"),
            measures=request.get("measures"),
            test_share=split["test_share"],
            seed=split["seed"],
            stratify=split["stratify"],
            train_rows=(request.get("split") or {}).get("train_rows"),
            preprocessing=request.get("preprocessing"),
            memory_limit=(request.get("limits") or {}).get("memory"),
            wait=False,
        )
        await job.wait(check=True)
        now_request, now = job.record.request or {}, job.result or {}
    finally:
        if own is not None:
            await client.sessions.discard(own.id)
    then = {**_compared(result), "data": request["dataset"]["digest"], "seed": split["seed"]}
    then = {name: value for name, value in then.items() if value is not None}
    new = {**_compared(now), "data": now_request["dataset"]["digest"], "seed": now_request["split"]["seed"]}
    differences = [{"what": what, "then": old, "now": this} for what, old, this in _differing(then, new)]
    decisive = [one for one in differences if not one["what"].startswith(_CAUSES)]
    notes = []
    if result.get("predictions") is None:
        notes.append("the record is older than the digest of predictions: only measures were compared")
    if own is not None:
        notes.append("the new training was thrown away; --session keeps it")
    return {
        "verdict": DIFFERENT if decisive else SAME,
        "experiment": found.id,
        "training": job.id,
        "differences": differences,
        "notes": notes,
    }


def _compared(result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "measures": result["measures"],
        "predictions": result.get("predictions"),
        "split": result["split"]["digest"],
        "versions": result["versions"],
        "platform": result.get("platform"),
    }


def _differing(then: Any, now: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """What differs, by its dotted name, of what the record has; equal to the last bit is meant."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in then if not path else dict.fromkeys([*then, *now]):
            yield from _differing(then.get(name), now.get(name), f"{path}.{name}" if path else name)
    elif then != now:
        yield path, then, now
