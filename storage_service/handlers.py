"""Use cases of permanent storage: commit, find, compare, annotate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from common import comparison, concurrency, errors, times
from common.contracts.base import Page
from common.contracts.experiments import Experiment, ExperimentChange
from common.contracts.sessions import Comparison
from common.filtering import cursors
from common.http.headers import check_match
from common.http.paging import Listing
from common.jobs.artifacts import Artifact
from common.ports.record_store import Record
from common.records.repository import Decision
from storage_service.incoming import IncomingExperiment
from storage_service.model import CommitState, require_whole
from storage_service.repository import Commits, Experiments, Summaries
from storage_service.views import Opener, listed

COMPARED = 100
"""Experiments that can be put side by side."""
_COMPARED_FIELDS = ("name", "dataset", "target", "task", "algorithm")


class Handlers:
    """What people and services ask of experiments."""

    def __init__(self, *, experiments: Experiments, commits: Commits, summaries: Summaries, opener: Opener) -> None:
        self.experiments, self.commits, self.summaries, self.opener = experiments, commits, summaries, opener

    # The steps of a commit, each of which may be repeated.

    async def open_commit(
        self, commit: str, *, session: str, expected: int, committed: str
    ) -> tuple[Record, Sequence[str]]:
        """Announce a commit of `expected` experiments; which of them are here already, completely, if it is open."""
        data = {"session": session, "expected": expected, "committed": committed}
        record = await self.commits.repository.ensure(commit, "commit.opened", data)
        if record.state["state"] != CommitState.opened:
            return record, []
        stored = await self.experiments.versions(commit)
        summed = await self.summaries.versions(stored)
        return record, [one for one, version in stored.items() if summed.get(one) == version]

    async def store(self, commit: str, incoming: Mapping[str, IncomingExperiment]) -> None:
        """Take experiments in, by their ids, invisible until their commit is sealed.

        Raises `errors.Conflict` when that is sealed already, or one of them is part of another commit.
        """
        opened = await self.commits.repository.get(commit)

        async def take(identifier: str) -> None:
            record = await self._stored(identifier, incoming[identifier], opened)
            self.opener.keys.remember(identifier, incoming[identifier].key)
            await self.summaries.put(identifier, (await self.opener.open(record)).row())

        await concurrency.each(incoming, take)

    async def seal_commit(self, commit: str) -> Record:
        """Make all experiments of a commit visible: one write. Raises `errors.Conflict` when some are missing."""
        record = await self.commits.repository.get(commit)
        if record.state["state"] == CommitState.opened:
            require_whole(record.state["expected"], await self.experiments.count(commit), commit)

        def decide(now: Record) -> Decision | None:
            return Decision("commit.sealed") if now.state["state"] == CommitState.opened else None

        return await self.commits.repository.decide(commit, decide)

    async def _stored(self, identifier: str, incoming: IncomingExperiment, commit: Record) -> Record:
        record = await self.experiments.repository.find(identifier)
        if record is not None and record.state["commit"] == commit.id:
            return record
        if commit.state["state"] != CommitState.opened:
            raise errors.Conflict(f"commit {commit.id} is sealed and takes no more experiments")
        data = incoming.state(commit.id)
        if record is None:
            record = await self.experiments.repository.ensure(identifier, "experiment.stored", data)
        if record.state["commit"] == commit.id:
            return record
        if await self.commits.sealed([record.state["commit"]]):
            raise errors.Conflict(f"{identifier} belongs to commit {record.state['commit']} already")

        def decide(now: Record) -> Decision | None:
            return Decision("experiment.stored", data) if now.state["commit"] != commit.id else None

        return await self.experiments.repository.decide(identifier, decide)

    # Finding.

    async def page(self, asked: Listing) -> Page[Experiment]:
        """Experiments by their searchable summaries."""
        found: list[Record] = []
        rows = self.summaries.visible(asked.where, asked.sort, after=asked.after, limit=asked.limit + 1)
        async for row in rows:
            found.append(row)
            if len(found) > asked.limit:
                break
        shown = found[: asked.limit]
        more = len(found) > asked.limit
        return Page[Experiment](
            items=[listed(row) for row in shown],
            next=cursors.encode(shown[-1].place(asked.sort), asked.scope) if more else None,
        )

    async def show(self, reference: str) -> Experiment:
        """One experiment, completely. Raises `errors.Gone` when it was erased."""
        return await (await self.opener.open(await self.experiments.resolve(reference))).full()

    async def artifact(self, reference: str) -> Artifact:
        """The trained model of an experiment."""
        return await (await self.opener.open(await self.experiments.resolve(reference))).artifact()

    async def compare(self, references: Sequence[str]) -> Comparison:
        """Experiments side by side, in this order. Raises `errors.Invalid` for none or too many."""
        if not references or len(references) > COMPARED:
            detail = f"{len(references)} experiments cannot be compared; name 1 to {COMPARED}, with commas between"
            raise errors.Invalid(detail, flaws=[errors.Flaw("?ids", "count", detail)])
        records = [await self.experiments.resolve(one) for one in references]
        opened = [await self.opener.open(record) for record in records]
        documents = []
        for one in opened:
            row, summary = one.row(), one.summary
            documents.append(
                {
                    **{name: row[name] for name in _COMPARED_FIELDS},
                    "parameters": summary.get("parameters", {}),
                    "measures": row["measures"],
                    "seconds": row["seconds"],
                    "tags": row["tags"],
                    "committed": row["committed"],
                }
            )
        return comparison.compare([record.id for record in records], documents)

    # Changing.

    async def annotate(self, reference: str, change: ExperimentChange, if_match: str | None) -> Experiment:
        """New tags and note; what is not given stays. Errors as `check_match`, and `errors.Gone`."""
        record = await self.experiments.resolve(reference)
        check_match(if_match, record.version)
        opened = await self.opener.open(record)
        given = change.model_dump(include=change.model_fields_set)
        if "tags" in given:
            given["tags"] = list(dict.fromkeys(given["tags"] or []))
        before = opened.annotations
        after = {**before, **given}
        if after == before:
            return await opened.full()
        data: dict[str, Any] = {"annotated": times.now(), "sealed": {"annotations": opened.annotate(after)}}
        try:
            record = await self.experiments.repository.append(record, Decision("experiment.annotated", data))
        except errors.VersionConflict as error:
            raise errors.PreconditionFailed(
                "somebody else changed it in between; read it again and decide anew"
            ) from error
        opened = await self.opener.open(record)
        # Should this be cut off between the two writes, the next start finds the older version of the summary.
        await asyncio.shield(self.summaries.put(record.id, opened.row()))
        return await opened.full()
