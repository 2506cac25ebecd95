"""Ids, moments and the context of a request."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from common import context, ids, times


class TestIds:
    def test_made_ids_are_version_7_and_sort_by_their_making_across_threads(self) -> None:
        made: list[str] = []

        def make() -> None:
            for _ in range(2_000):
                with lock:
                    made.append(ids.new_id("trn"))

        lock = threading.Lock()
        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == sorted(made)
        assert len(set(made)) == 8_000
        parsed = [uuid.UUID(one.removeprefix("trn_")) for one in made]
        assert {(one.version, one.variant) for one in parsed} == {(7, uuid.RFC_4122)}

    def test_the_time_is_in_the_id(self) -> None:
        milliseconds = uuid.UUID(ids.new_id("x")[2:]).int >> 80
        assert abs(milliseconds / 1000 - datetime.now(UTC).timestamp()) < 5

    def test_derived_ids_follow_from_their_parts_alone(self) -> None:
        one = ids.derived_id("evt", "trn_1", 3)
        assert one == ids.derived_id("evt", "trn_1", "3")
        assert uuid.UUID(one[4:]).version == 5
        others = {ids.derived_id("exp", "trn_1", 3), ids.derived_id("evt", "trn_1", 4), ids.derived_id("evt", "trn_1")}
        assert len(others) == 3 and one not in others

    def test_the_ending_tells_apart_what_was_made_in_one_moment(self) -> None:
        endings = {ids.ending(ids.new_id("trn")) for _ in range(1_000)}
        assert len(endings) == 1_000
        assert {len(one) for one in endings} == {ids.ENDING}


class TestTimes:
    def test_texts_are_utc_with_milliseconds_and_sort_as_the_moments(self) -> None:
        early = datetime(2026, 11, 28, 20, 0, 0, 999, tzinfo=timezone(timedelta(hours=1)))
        assert times.text(early) == "2026-11-28T19:00:00.000Z"
        assert times.text(early) < times.text(early + timedelta(milliseconds=1))

    @pytest.mark.parametrize(
        "text", ["2026-11-28T19:00:00.123Z", "2026-11-28T20:00:00.123+01:00", "2026-11-28T19:00:00.123456Z"]
    )
    def test_any_offset_is_understood(self, text: str) -> None:
        assert times.text(times.moment(text)) == "2026-11-28T19:00:00.123Z"

    def test_later_and_before(self) -> None:
        assert times.later("2026-12-31T23:59:59.500Z", 0.75) == "2027-01-01T00:00:00.250Z"
        assert times.later("2027-01-01T00:00:00.250Z", -0.75) == "2026-12-31T23:59:59.500Z"

    def test_times_never_go_back(self) -> None:
        assert times.not_before("2999-01-01T00:00:00.000Z") == "2999-01-01T00:00:00.000Z"
        assert times.not_before("") >= "2026"


class TestContext:
    def test_a_trace_goes_on_with_a_new_span(self) -> None:
        parent = context.fresh("ada")
        found = context.from_traceparent(parent.traceparent, actor="ada", causation="evt_1")
        assert (found.trace_id, found.actor, found.causation) == (parent.trace_id, "ada", "evt_1")
        assert found.span_id != parent.span_id
        assert found.child().trace_id == parent.trace_id and found.child().span_id != found.span_id

    @pytest.mark.parametrize(
        "header",
        [None, "", "nonsense", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'A' * 32}-{'1' * 16}-01",
         f"01-{'a' * 32}-{'1' * 16}-01", f"00-{'a' * 32}-{'1' * 16}-01\n"],
    )  # fmt: skip
    def test_what_is_no_trace_begins_a_new_one(self, header: str | None) -> None:
        found = context.from_traceparent(header, causation="evt_1")
        assert len(found.trace_id) == 32 and found.trace_id not in ("0" * 32, "a" * 32)
        assert found.causation == "evt_1"

    def test_the_current_one_is_that_of_the_block(self) -> None:
        outer, inner = context.fresh("outer"), context.fresh("inner")
        with context.use(outer):
            with context.use(inner):
                assert context.current() is inner
            assert context.current() is outer
        assert context.current().actor == "system"
