"""What can go wrong on the client's side.

Everything else is a class of `common.errors`, as the server named it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.errors import AutoLearnError

if TYPE_CHECKING:
    from common.contracts.jobs import Job as JobRecord


class Unreachable(AutoLearnError):
    """No AutoLearn server answers there."""

    code = "unreachable"
    status = 503
    retryable = True


class JobFailed(AutoLearnError):
    """The job did not succeed."""

    code = "job_failed"
    job: JobRecord | None = None

    @classmethod
    def of(cls, job: JobRecord) -> JobFailed:
        """The error for a job that ended `failed` or `cancelled`; `.job` is its record."""
        why = str((job.problem or {}).get("detail", "")) if job.problem else ""
        failure = cls(f"{job.kind} {job.id} {job.state}" + (f": {why}" if why else ""))
        failure.job = job
        return failure


class WaitTimedOut(AutoLearnError, TimeoutError):
    """The time to wait is over; the job goes on."""

    code = "wait_timed_out"
    status = 504
    retryable = True
