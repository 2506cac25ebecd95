"""The REST role: datasets, algorithms and measures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from catalog_service import model
from catalog_service.handlers import Handlers, Made
from catalog_service.multipart import Form
from catalog_service.repository import FIELDS
from catalog_service.uploads import Uploads
from common import errors
from common.contracts.base import Page
from common.contracts.datasets import DatasetChange, DatasetVersion, Preview, Profile, UploadOptions
from common.http import problems, strict_json
from common.http.app import router
from common.http.headers import IdempotencyKey
from common.http.paging import Listing, listing

_MULTIPART_ROOM = 2**20
_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "name": {"type": "string"},
        "options": {"type": "string", "description": "UploadOptions as JSON"},
    },
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": _BINARY,
            "application/octet-stream": _BINARY,
            "multipart/form-data": {"schema": _FORM},
        },
    }
}


def told_options(
    delimiter: Annotated[str | None, Query(max_length=20, description="Between cells; detected if not given")] = None,
    encoding: Annotated[str | None, Query(max_length=40)] = None,
    header: Annotated[bool | None, Query(description="Whether the first line names the columns")] = None,
    quote: Annotated[str | None, Query(max_length=20)] = None,
    decimal: Annotated[str | None, Query(max_length=20)] = None,
    missing: Annotated[list[str] | None, Query(description="Words that mean a missing value")] = None,
    kinds: Annotated[list[str] | None, Query(alias="type", description="COLUMN=TYPE")] = None,
) -> UploadOptions:
    """What the query says about the file."""
    types: dict[str, str] = {}
    for told in kinds or ():
        column, equals, kind = told.rpartition("=")
        if not equals or not column:
            detail = f"{told!r} is no COLUMN=TYPE"
            raise errors.Invalid(detail, flaws=[errors.Flaw("?type", "type", detail)])
        types[column] = kind
    return _options(
        {
            "delimiter": delimiter,
            "encoding": encoding,
            "header": header,
            "quote": quote,
            "decimal": decimal,
            "missing": missing,
            "types": types or None,
        },
        at="",
    )


def routes(handlers: Handlers, uploads: Uploads, *, upload_limit: int) -> APIRouter:
    """The routes of datasets; `upload_limit` bytes is the largest file."""
    api = router(tags=["datasets"])

    @api.post(
        "/v1/datasets",
        status_code=201,
        response_model=DatasetVersion,
        responses={200: {"model": DatasetVersion, "description": "Content and options are there already"}},
        openapi_extra=_BODY,
        max_body_size=upload_limit + _MULTIPART_ROOM,
    )
    async def upload_dataset(
        request: Request,
        response: Response,
        options: Annotated[UploadOptions, Depends(told_options)],
        key: IdempotencyKey,
        name: Annotated[str | None, Query(max_length=1_000, description="Default: the file's name")] = None,
    ) -> DatasetVersion:
        """Upload a file as the next version of a dataset; the answer comes when it has been read."""
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise errors.UnsupportedMediaType("send the file as it is, without Content-Encoding")
        content_type = request.headers.get("content-type", "")
        if content_type.lower().startswith("multipart/form-data"):
            form = Form(content_type, _body(request))
            async with uploads.receive(form.file()) as file:
                if "options" in form.fields:
                    options = _options(strict_json.loads(form.fields["options"].encode()), at="/options")
                called = form.fields.get("name") or name or model.file_stem(form.filename or "")
                made = await handlers.upload(file, called, options, key=key)
        else:
            called = model.normalised(name or "")  # before the body is read
            async with uploads.receive(_body(request)) as file:
                made = await handlers.upload(file, called, options, key=key)
        return _answer(made, response)

    @api.get("/v1/datasets")
    async def list_datasets(
        asked: Annotated[Listing, Depends(listing(FIELDS, "-created"))],
    ) -> Page[DatasetVersion]:
        """Dataset versions, the newest first."""
        return await handlers.page(asked)

    @api.get("/v1/datasets/{ref}")
    async def show_dataset(ref: str) -> DatasetVersion:
        """One version: `penguins` is the newest; `penguins@3`, `penguins@sha256:ab12` and ids are exact."""
        return await handlers.show(ref)

    @api.get("/v1/datasets/{ref}/preview")
    async def preview_dataset(ref: str, rows: Annotated[int, Query(ge=1, le=1_000)] = 20) -> Preview:
        """The first rows."""
        return await handlers.preview(ref, rows)

    @api.get("/v1/datasets/{ref}/profile")
    async def profile_dataset(
        ref: str,
        target: Annotated[str | None, Query(max_length=300, description="Column to be predicted")] = None,
    ) -> Profile:
        """Figures of every column, how columns go together, and what is odd; with `target`, what predicts it.

        Computed at the first request for a version and target, and kept. Columns have `name type missing distinct`;
        number and integer also `min max mean std quantiles histogram{edges, counts}`; category and text
        `top[{value, count}]`; boolean `true false`; datetime `first last`.
        """
        return await handlers.profile(ref, target)

    @api.get(
        "/v1/datasets/{ref}/content",
        response_class=StreamingResponse,
        responses={200: {"content": {kind.partition(";")[0]: _BINARY for kind in _MEDIA.values()}}},
    )
    async def download_dataset(
        ref: str,
        format: Annotated[Literal["csv", "parquet", "arrow"], Query()] = "csv",
    ) -> StreamingResponse:
        """The whole table."""
        dataset, pieces = await handlers.content(ref, format)
        filename = quote(f"{dataset.name}.{format}")
        headers = {
            "content-disposition": f"attachment; filename*=UTF-8''{filename}",
            "etag": f'"{dataset.digest}"',
        }
        return StreamingResponse(pieces, media_type=_MEDIA[format], headers=headers)

    @api.patch("/v1/datasets/{ref}", status_code=201, responses={200: {"model": DatasetVersion}})
    async def change_dataset(
        ref: str, change: DatasetChange, response: Response, key: IdempotencyKey
    ) -> DatasetVersion:
        """Read columns as other types: makes a new version without a new upload."""
        return _answer(await handlers.change(ref, change, key=key), response)

    @api.delete("/v1/datasets/{ref}", status_code=204)
    async def delete_dataset(
        ref: str,
        key: IdempotencyKey,
        all: Annotated[bool, Query(description="All versions of a bare name")] = False,
    ) -> None:
        """Delete one version, or all of a bare name; refused while something refers to it."""
        await handlers.delete(ref, all_versions=all, key=key)

    @api.get("/internal/datasets/{ref}")
    async def dataset_source(ref: str) -> dict[str, Any]:
        """A version with the blob that holds its table."""
        dataset, blob = await handlers.source(ref)
        return {"dataset": dataset.model_dump(mode="json"), "blob": blob}

    return api


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect as error:
        raise errors.BadRequest("the client went away before the whole file had arrived") from error


def _options(told: Any, *, at: str) -> UploadOptions:
    try:
        return UploadOptions.model_validate(told)
    except ValidationError as error:
        flaws = [errors.Flaw(at + problems.pointer(item["loc"]), item["type"], item["msg"]) for item in error.errors()]
        raise errors.Invalid("something in the options is wrong: " + flaws[0].detail, flaws=flaws) from error


def _answer(made: Made, response: Response) -> DatasetVersion:
    response.headers["Location"] = f"/v1/datasets/{made.dataset.id}"
    if made.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    if not made.created:
        response.status_code = 200
    return made.dataset
