"""Why a job is where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.render import short, text, when

if TYPE_CHECKING:
    from autolearn.aio.client import Client
    from common.contracts.jobs import Job


async def explain(client: Client, job: Job) -> dict[str, Any]:
    """`{id, state, explanation, remarks[], ahead?, running?}`.

    `ahead` counts the jobs that wait in front of it.
    """
    said: dict[str, Any] = {"id": job.id, "state": str(job.state), "remarks": []}
    match str(job.state):
        case "queued" | "running" | "cancelling" if job.kind == "search":
            doing = f"{job.progress.step}, {job.progress.message}" if job.progress else "none of its trials has begun"
            said["explanation"] = f"It searches since {when(job.created)}: {text(doing)}"
            said["remarks"] = ["each of its trials is a job that waits for a free slot: see `autolearn jobs list`"]
        case "queued":
            # Trainings and evaluations share the slots.
            running = await client.jobs.list(filter="state in (running, cancelling)", limit=20).all()
            said["ahead"], said["running"] = job.ahead or 0, len(running)
            said["explanation"] = (
                f"It has been waiting for a free slot since {when(job.created)}: {said['ahead']} wait in front of it, "
                f"{said['running']} run now"
            )
            said["remarks"] = [
                f"runs now: {short(each.id)} {each.algorithm or ''} since {when(each.started)}" for each in running
            ]
            if job.attempt:
                said["remarks"].append(f"attempt {job.attempt} did not end; it is tried again")
        case "running" | "cancelling":
            doing = text(job.progress.step) if job.progress else "no progress reported yet"
            said["explanation"] = f"It has been running since {when(job.started)}, attempt {job.attempt}: {doing}"
            if str(job.state) == "cancelling":
                said["explanation"] += "; it was asked to stop"
        case "failed":
            problem = job.problem or {}
            why = text(problem.get("detail", "no reason was recorded"))
            said["explanation"] = f"It failed at {when(job.ended)}: {why}"
            said["remarks"] = [
                f"{flaw.get('pointer') or '/'}: {text(flaw.get('detail'))}" for flaw in problem.get("errors", ())
            ] + [
                f"what it printed: autolearn jobs output {short(job.id)}",
                f"what happened: autolearn log trace {job.trace_id}",
            ]
        case _:
            said["explanation"] = f"It {job.state} at {when(job.ended)}"
    return said
