"""Settings: one frozen object, read once from `AUTOLEARN_*` variables and passed in; unknown names are refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from common import errors

_CLIENT_NAMES = {"AUTOLEARN_URL", "AUTOLEARN_TOKEN", "AUTOLEARN_SESSION", "AUTOLEARN_PROFILE"}
SERVICES = ("catalog", "training", "evaluation", "session", "storage")
Seconds = Annotated[float, Field(gt=0)]


def data_home() -> Path:
    """The data folder of this user (XDG Base Directory Specification), or what `AUTOLEARN_DATA` says."""
    told = os.environ.get("AUTOLEARN_DATA")
    if told:
        return Path(told).expanduser()
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "autolearn"


class Settings(BaseSettings):
    """Everything an installation may choose. Durations are seconds, sizes bytes; tests shorten the times."""

    model_config = SettingsConfigDict(env_prefix="AUTOLEARN_", frozen=True, extra="forbid")

    data: Path = Field(default_factory=data_home, description="Folder that holds everything of the embedded mode")
    host: str = Field("127.0.0.1", description="Address to listen on; anything but loopback is told on purpose")
    port: int = Field(8470, ge=0, le=65_535, description="Port of the one door; 0 picks a free one")
    allowed_hosts: tuple[str, ...] = Field(
        ("127.0.0.1", "localhost", "[::1]"), description="Values of the Host header that are answered"
    )
    record_store: str = Field("", description="URL of the record store; empty: SQLite in the data folder")
    event_log: str = Field("", description="URL of the event log; empty: SQLite in the data folder")
    message_bus: str = Field("local:", description="URL of the message bus")
    blob_store: str = Field("", description="URL of the blob store; empty: a folder in the data folder")
    service_token: SecretStr | None = Field(None, description="What services show each other; embedded makes its own")
    master_key: Path | None = Field(None, description="File of the master keys; empty: master.key in the data folder")
    catalog_url: str = Field("", description="Where the catalogue service is; empty, as all five are: in this process")
    training_url: str = Field("", description="Where the training service is")
    evaluation_url: str = Field("", description="Where the evaluation service is")
    session_url: str = Field("", description="Where the session service is")
    storage_url: str = Field("", description="Where the storage service is")

    slots: int = Field(default_factory=lambda: max(1, os.cpu_count() or 1), ge=1, description="Tasks at once")
    threads: int = Field(1, ge=1, description="Threads of BLAS and OpenMP in each task")
    queue_limit: int = Field(10_000, ge=1, description="Open jobs of one kind; beyond it 429")
    search_window: int = Field(
        default_factory=lambda: max(8, 4 * (os.cpu_count() or 1)),
        ge=1,
        description="Trials of one search that wait or run; more than all slots, or some are idle",
    )
    attempts: int = Field(3, ge=1, description="How often a job is tried after failures that are not its own")
    lease: Seconds = Field(30.0, description="How long a task worker owns a job without a heartbeat")
    heartbeat: Seconds = Field(10.0, description="How often it says that it lives")
    sweep: Seconds = Field(1.0, description="How often lost bells are made up for")
    reconcile: Seconds = Field(30.0, description="How often sessions ask after their open jobs")
    reservation: Seconds = Field(60.0, description="How long a job may be reserved without existing")
    blob_grace: Seconds = Field(86_400.0, description="Age at which a blob that nobody names is swept")
    session_life: int = Field(30 * 86_400, ge=1, description="A session expires this long after its last use")
    task_seconds: Seconds = Field(3_600.0, description="Wall-clock limit of a task that asks for none")
    task_memory: int = Field(4 * 2**30, gt=0, description="Memory limit of a task that asks for none")
    parse_memory: int = Field(2 * 2**30, gt=0, description="Memory limit of reading an uploaded file")
    upload_limit: int = Field(4 * 2**30, gt=0, description="Largest file that is accepted")
    body_limit: int = Field(2**20, gt=0, description="Largest JSON body")
    journal_limit: int = Field(256 * 2**20, gt=0, description="Calls waiting for the event log; beyond it 503")
    request_limit: int = Field(512, ge=1, description="Requests in flight at the door, waits too; beyond it 503")
    deadline: Seconds = Field(2.5, description="Time one request may take at the door; streams and uploads are exempt")
    drain: Seconds = Field(25.0, description="Time running tasks get to end when the platform stops")
    estimator_packages: tuple[str, ...] = Field(
        (), description="Installed packages whose estimators may be trained by their qualified names, as a JSON list"
    )
    builtin_datasets: bool = Field(True, description="Upload scikit-learn's five datasets at the first start")

    def __init__(self, **values: Any) -> None:
        """Read the environment. Raises `errors.Invalid` naming an unknown variable or one with a wrong value."""
        known = {f"AUTOLEARN_{name.upper()}" for name in type(self).model_fields} | _CLIENT_NAMES
        unknown = sorted(
            name
            for name in os.environ
            if name.startswith("AUTOLEARN_") and name not in known and not name.startswith("AUTOLEARN_TEST_")
        )
        if unknown:
            raise errors.Invalid(f"unknown setting {unknown[0]}; the reference lists those that exist")
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else ""
            raise errors.Invalid(f"AUTOLEARN_{name.upper()} has a wrong value: {first['msg']}") from error

    @property
    def addresses(self) -> dict[str, str]:
        """The URLs of the services by name; none in the embedded mode."""
        told = {name: getattr(self, f"{name}_url") for name in SERVICES}
        return {name: url for name, url in told.items() if url}
