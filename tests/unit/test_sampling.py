"""Which traces are kept."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.factories import NOON
from tracing_core.ids import IdSource
from tracing_core.model import QualityFlag, TraceStatus
from tracing_core.sampling import chosen, keep_share, sampler_of
from tracing_core.settings import read_settings

ORDINARY = {"status": TraceStatus.COMPLETE, "quality_flag": QualityFlag.NORMAL}


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
    ],
)
def test_what_is_not_ordinary_is_kept(unusual: dict[str, str]) -> None:
    """Errors and flagged answers always, of the others a share."""
    assert keep_share(0.1)(ORDINARY) == 0.1
    assert keep_share(0.1)(ORDINARY | unusual) == 1.0


def test_the_mode_chooses_the_sampler() -> None:
    """Develop keeps everything, product keeps the share of the settings."""
    assert sampler_of(read_settings(TRACEWHY_MODE="develop"))(ORDINARY) == 1.0
    assert sampler_of(read_settings(TRACEWHY_MODE="product"))(ORDINARY) == 0.1
    assert sampler_of(read_settings(TRACEWHY_MODE="product", TRACEWHY_SUCCESS_SHARE=0.3))(ORDINARY) == 0.3
