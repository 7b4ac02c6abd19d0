"""Which traces are kept."""

from __future__ import annotations

import math
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON, make_span, make_trace
from tests.surroundings import make_preparation
from tracing_core.context import TraceContext
from tracing_core.errors import SettingsError
from tracing_core.freeze import freeze
from tracing_core.histogram import quantile
from tracing_core.ids import IdSource
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.noop import NO_TRACE
from tracing_core.rollups import Key, Rollup, add_trace
from tracing_core.runtime import Runtime, configure
from tracing_core.sampling import LEAST_PROBABILITY, begun, begun_with, chosen, keep_share, sampler_of, trace_state_of
from tracing_core.settings import read_settings
from tracing_core.trace import Trace

ORDINARY = {
    "project": "default",
    "status": TraceStatus.COMPLETE,
    "quality_flag": QualityFlag.NORMAL,
    "is_slow": False,
}
hexes = st.text("0123456789abcdef", min_size=32, max_size=32)


def test_the_share_kept_is_the_share_asked_for() -> None:
    """About one in ten of ten thousand, native or not."""
    ids = IdSource()
    native = sum(chosen(ids.trace_id(NOON), 0.1) for _ in range(10_000))
    foreign = sum(chosen(ids.span_id() + ids.span_id(), 0.1) for _ in range(10_000))
    assert 850 < native < 1150
    assert 850 < foreign < 1150


def test_all_and_nothing_are_exact() -> None:
    """A probability of 1 keeps every trace and 0 none."""
    ids = [IdSource(lambda _bits, n=n: n).trace_id(NOON) for n in (0, 1, 2**64 - 1, 2**56 - 1)]
    assert all(chosen(trace_id, 1.0) for trace_id in ids)
    assert not any(chosen(trace_id, 0.0) for trace_id in ids)


def test_every_process_decides_alike() -> None:
    """The id decides, so that the parts of one trace are kept or left out together."""
    ids = [IdSource().trace_id(NOON) for _ in range(50)]
    script = "import sys; from tracing_core.sampling import chosen; print([chosen(i, 0.5) for i in sys.argv[1:]])"
    other = subprocess.run([sys.executable, "-c", script, *ids], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str([chosen(trace_id, 0.5) for trace_id in ids])


@pytest.mark.parametrize(
    "unusual",
    [
        {"status": TraceStatus.FAILED},
        {"status": TraceStatus.INCOMPLETE},
        {"quality_flag": QualityFlag.EMPTY},
        {"quality_flag": QualityFlag.LOW_CONFIDENCE},
        {"quality_flag": QualityFlag.USER_NEGATIVE},
        {"is_slow": True},
    ],
)
def test_what_is_not_ordinary_is_kept(unusual: dict[str, object]) -> None:
    """Errors, flagged answers and slow ones always, of the others a share."""
    assert keep_share(0.1)(ORDINARY) == 0.1
    assert keep_share(0.1)(ORDINARY | unusual) == 1.0


def test_the_mode_chooses_the_sampler() -> None:
    """Develop keeps everything, product keeps the share of the settings."""
    assert sampler_of(read_settings(TRACEWHY_MODE="develop"))(ORDINARY) == 1.0
    assert sampler_of(read_settings(TRACEWHY_MODE="product"))(ORDINARY) == 0.1
    assert sampler_of(read_settings(TRACEWHY_MODE="product", TRACEWHY_SUCCESS_SHARE=0.3))(ORDINARY) == 0.3


def test_a_project_may_have_a_share_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """In either mode; the others have that of the mode."""
    shop = ORDINARY | {"project": "shop"}
    monkeypatch.setenv("TRACEWHY_PROJECT_SHARES", '{"shop": 0.05}')
    for mode, others in (("develop", 1.0), ("product", 0.1)):
        sampler = sampler_of(read_settings(TRACEWHY_MODE=mode))
        assert (sampler(shop), sampler(ORDINARY)) == (0.05, others)
        assert sampler(shop | {"status": TraceStatus.FAILED}) == 1.0


def test_a_share_that_is_none_is_refused() -> None:
    """With the name of the setting."""
    with pytest.raises(SettingsError, match="TRACEWHY_PROJECT_SHARES"):
        read_settings(TRACEWHY_PROJECT_SHARES={"shop": 5})


def test_head_and_tail_do_not_depend_on_each_other() -> None:
    """Of the ids that the head keeps, the tail keeps its share: their probabilities multiply."""
    ids = IdSource()
    numbers = [ids.span_id() + ids.span_id() for _ in range(20_000)]
    begun_here = [number for number in numbers if begun(number, 0.5)]
    assert 9_700 < len(begun_here) < 10_300
    assert 850 < sum(chosen(number, 0.1) for number in begun_here) < 1150


@given(hexes, st.floats(0, 1), st.floats(0, 1))
def test_who_is_begun_with_less_is_begun_with_more(number: str, one: float, other: float) -> None:
    """OpenTelemetry's rule: a larger share holds all of a smaller one, so that services with different shares agree."""
    assert begun(number, max(one, other)) or not begun(number, min(one, other))


@given(st.floats(0.0001, 1))
def test_the_share_of_the_head_is_in_the_trace_state(share: float) -> None:
    """To the last digit that matters."""
    trace = make_trace(spans=(make_span(otel={"trace_state": f"vendor=x,{trace_state_of(share)};rv:00000000000000"}),))
    assert begun_with(trace) == pytest.approx(share, rel=1e-9)


@pytest.mark.parametrize(
    ("state", "probability"),
    [
        ("ot=th:0", 1.0),
        ("ot=th:8", 0.5),
        ("ot=rv:6e6d1a75832a2f;th:c", 0.25),
        ("rojo=00f067,ot=th:fd70a4", 0.01),
        ("rojo=th:8", 1.0),
        ("ot=th:xyz", 1.0),
        ("ot=th:123456789012345", 1.0),
        ("", 1.0),
        (None, 1.0),
        (7, 1.0),
    ],
)
def test_the_trace_state_of_a_sender_is_read(state: object, probability: float) -> None:
    """`ot=th:` has a threshold in hex digits; whatever else is there says nothing of sampling."""
    assert begun_with(make_trace(spans=(make_span(otel={"trace_state": state}),))) == pytest.approx(
        probability, rel=1e-5
    )


def test_probabilities_of_head_and_tail_multiply() -> None:
    """What is stored is the chance that the trace had altogether, and judging it again changes nothing."""
    preparation = make_preparation(sampler=lambda _row: 0.5)
    span = make_span(otel={"trace_state": "ot=th:8"})
    ids = IdSource()
    kept = None
    while kept is None:
        kept = preparation.prepare(make_trace(trace_id=ids.span_id() + ids.span_id(), spans=(span,)))
    assert kept.data.sampling_probability == kept.projection.trace["sampling_probability"] == 0.25
    again = preparation.prepare(kept.data)
    assert again is not None
    assert again.data.sampling_probability == 0.25


def test_no_sender_outweighs_all_others() -> None:
    """A trace stands for a million at most."""
    prepared = make_preparation().prepare(make_trace(spans=(make_span(otel={"trace_state": "ot=th:ffffffffffffff"}),)))
    assert prepared is not None
    assert prepared.data.sampling_probability == LEAST_PROBABILITY


def test_runs_that_are_not_begun_record_nothing() -> None:
    """A share of the head applies before anything is recorded, and those that are begun say with what probability."""
    restore = configure(Runtime(head_share=0.25))
    try:
        traces = [TraceContext.start(name="x") for _ in range(400)]
        for trace in reversed(traces):
            TraceContext.finish(trace)
    finally:
        restore()
    recorded = [trace for trace in traces if isinstance(trace, Trace)]
    assert 50 < len(recorded) < 150
    assert {begun_with(freeze(trace)) for trace in recorded} == {0.25}
    assert all(begun(trace.trace_id, 0.25) for trace in recorded)


def test_the_id_of_the_caller_decides_at_the_head() -> None:
    """So that all services of one request record it, or none."""
    kept, left_out = "0" * 18 + "f" * 14, "f" * 18 + "0" * 14
    restore = configure(Runtime(head_share=0.5))
    try:
        first = TraceContext.start(trace_id=left_out)
        second = TraceContext.start(trace_id=kept)
        TraceContext.finish(second)
    finally:
        restore()
    assert first is NO_TRACE
    assert second.trace_id == kept


def test_a_piece_without_root_is_kept_whatever_the_share() -> None:
    """It may belong to a trace that has to be kept."""
    preparation = make_preparation(sampler=keep_share(0.0))
    piece = preparation.assemble("a" * 32, [make_span(parent_id="00000000000000aa")])
    prepared = preparation.prepare(piece)
    assert prepared is not None
    assert prepared.kept


def test_a_root_that_is_left_out_is_still_told_to_storage() -> None:
    """Pieces of it may be stored, which have to go with it; a trace that came as a whole goes no further."""
    preparation = make_preparation(sampler=keep_share(0.0))
    root = preparation.prepare(preparation.assemble("a" * 32, [make_span()]))
    assert root is not None
    assert not root.kept
    assert preparation.prepare(make_trace()) is None


def test_what_is_kept_tells_of_all() -> None:
    """Sums of what is stored, each by 1 / its probability, come out about as those of all traces; errors exactly."""
    draw = random.Random(11)
    ids = IdSource(draw.getrandbits)
    everything, sampled = make_preparation(), make_preparation(sampler=keep_share(0.1))
    projector = everything.projector
    whole: dict[Key, Rollup] = {}
    kept: dict[Key, Rollup] = {}
    for _ in range(6_000):
        trace = make_trace(
            trace_id=ids.span_id() + ids.span_id(),
            status=TraceStatus.FAILED if draw.random() < 0.02 else TraceStatus.COMPLETE,
            duration_ns=int(draw.lognormvariate(20, 0.8)),
        )
        row = projector.project(trace)
        add_trace(whole, row.trace, row.spans)
        if (prepared := sampled.prepare(trace)) is not None:
            add_trace(kept, prepared.projection.trace, prepared.projection.spans)
    key = ("default", "minute", NOON, "trace", "")
    one, other = whole[key], kept[key]
    deviation = math.sqrt(6_000 * 0.9 / 0.1)
    assert abs(other.count - one.count) < 4 * deviation
    assert abs(other.input_tokens / 1200 - one.count) < 4 * deviation
    assert other.errors == one.errors
    assert other.stored < 1_000
    assert other.duration_ms_sum == pytest.approx(one.duration_ms_sum, rel=0.2)
    for q, within in ((0.5, 0.1), (0.95, 0.2)):
        assert quantile(other.bins, q) == pytest.approx(quantile(one.bins, q), rel=within)


@pytest.mark.parametrize("mode", ["develop", "product"])
def test_nothing_is_kept_of_a_project_that_is_switched_off(mode: str) -> None:
    """Whoever recorded it and however it went: also what arrives from elsewhere (B1)."""
    settings = read_settings(
        TRACEWHY_MODE=mode, TRACEWHY_UNTRACED_PROJECTS=["quiet"], TRACEWHY_PROJECT_SHARES={"quiet": 1}
    )
    sampler = sampler_of(settings)
    for status in TraceStatus:
        assert sampler({**ORDINARY, "project": "quiet", "status": status}) == 0
        prepared = make_preparation(sampler=sampler).ready(make_trace(project="quiet", status=status))
        assert not prepared.kept
    assert sampler({**ORDINARY, "project": "loud", "status": TraceStatus.FAILED}) == 1
