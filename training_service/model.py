"""Trainings: the life of a job under its own event names."""

from __future__ import annotations

from common.jobs import model

LIFECYCLE = model.lifecycle("training")
