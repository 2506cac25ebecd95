"""The REST role: experiments, and the steps of a commit for the session service."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from starlette.responses import StreamingResponse

from common.contracts.base import Page
from common.contracts.experiments import Experiment, ExperimentChange
from common.contracts.sessions import Comparison
from common.filtering import parser
from common.filtering.sorting import parse_sort
from common.http.app import router
from common.http.headers import IfMatch
from common.http.paging import Listing, listing
from common.ports.blob_store import BlobStore
from storage_service.exports import Exports
from storage_service.handlers import Handlers
from storage_service.incoming import CommitOpening, IncomingExperiments
from storage_service.repository import FIELDS

_NEWEST = "-committed"


def routes(handlers: Handlers, exports: Exports, blobs: BlobStore) -> APIRouter:
    """The public routes."""
    api = router(tags=["experiments"])

    @api.get("/v1/experiments")
    async def list_experiments(asked: Annotated[Listing, Depends(listing(FIELDS, _NEWEST))]) -> Page[Experiment]:
        """Experiments by their searchable summaries, the newest commit first."""
        return await handlers.page(asked)

    @api.get("/v1/experiments:compare")
    async def compare_experiments(
        ids: Annotated[str, Query(description="References with commas between")],
    ) -> Comparison:
        """Experiments side by side."""
        return await handlers.compare([one.strip() for one in ids.split(",") if one.strip()])

    @api.get("/v1/experiments:export", response_class=StreamingResponse)
    async def export_experiments(
        format: Annotated[Literal["json", "csv"], Query()] = "json",
        filter: Annotated[str, Query(max_length=4_000)] = "",
        sort: Annotated[str, Query(max_length=500)] = _NEWEST,
    ) -> StreamingResponse:
        """All experiments, or those that `filter` selects, as a file."""
        where = parser.parse(filter, FIELDS) if filter.strip() else None
        make, media = (
            (exports.csv, "text/csv; charset=utf-8") if format == "csv" else (exports.json, "application/json")
        )
        headers = {"Content-Disposition": f'attachment; filename="experiments.{format}"'}
        return StreamingResponse(make(where, parse_sort(sort, FIELDS)), media_type=media, headers=headers)

    @api.get("/v1/experiments/{ref}")
    async def show_experiment(ref: str, response: Response) -> Experiment:
        """One experiment, completely."""
        found = await handlers.show(ref)
        response.headers["ETag"] = found.etag
        return found

    @api.get("/v1/experiments/{ref}/artifact", response_class=Response)
    async def experiment_artifact(ref: str) -> StreamingResponse:
        """The trained model in skops format."""
        artifact = await handlers.artifact(ref)
        content = await artifact.begun(blobs)
        return StreamingResponse(content, media_type="application/octet-stream", headers=artifact.headers())

    @api.patch("/v1/experiments/{ref}")
    async def annotate_experiment(
        ref: str, change: ExperimentChange, if_match: IfMatch, response: Response
    ) -> Experiment:
        """New tags or note."""
        found = await handlers.annotate(ref, change, if_match)
        response.headers["ETag"] = found.etag
        return found

    return api


def internal(handlers: Handlers) -> APIRouter:
    """The steps of a commit, and who refers to a dataset."""
    api = router(include_in_schema=False)

    @api.post("/internal/commits/{commit}:open")
    async def open_commit(commit: str, asked: CommitOpening) -> dict[str, Any]:
        record, stored = await handlers.open_commit(
            commit, session=asked.session, expected=asked.expected, committed=asked.committed
        )
        return {"id": record.id, "state": record.state["state"], "stored": stored}

    @api.post("/internal/commits/{commit}:store", status_code=204)
    async def store_experiments(commit: str, incoming: IncomingExperiments) -> None:
        await handlers.store(commit, incoming.experiments)

    @api.post("/internal/commits/{commit}:seal")
    async def seal_commit(commit: str) -> dict[str, Any]:
        record = await handlers.seal_commit(commit)
        return {"id": record.id, "state": record.state["state"]}

    @api.post("/internal/datasets/{dataset}:referrers")
    async def referrers(dataset: str) -> dict[str, Any]:
        some, count = await handlers.experiments.using(dataset)
        return {"referrers": [one.id for one in some], "count": count}

    return api
