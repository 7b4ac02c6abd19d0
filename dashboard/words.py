"""How values are written for people. What is absent is a dash, never a zero; every number carries its unit.

The forms are those of the product's style: 145 ms, 3.21 s, $0.0003, 4.2 %, 2 min ago.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from tracing_core.model import QualityFlag, TraceStatus

ABSENT = "–"
_AGO: tuple[tuple[int, str], ...] = ((86_400, "d"), (3_600, "h"), (60, "min"))
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=%|(?:ms|s|min|h|d|B|kB|MB|GB|TB)\b)")
_MARKUP = re.compile(r"[<$]|!(?=\[)|:(?=[a-z-]+\[|[a-z_]+(?:/[a-z_0-9]+)?:)")

FLAG_WORDS: Mapping[QualityFlag, str] = {
    QualityFlag.USER_NEGATIVE: "User negative",
    QualityFlag.EMPTY: "Empty",
    QualityFlag.LOW_CONFIDENCE: "Low confidence",
    QualityFlag.NORMAL: "Normal",
}
STATUS_WORDS: Mapping[TraceStatus, str] = {
    TraceStatus.IN_PROGRESS: "In progress",
    TraceStatus.COMPLETE: "Complete",
    TraceStatus.INCOMPLETE: "Incomplete",
    TraceStatus.FAILED: "Failed",
}


def duration(ms: float | None) -> str:
    """`ms` milliseconds as 0.42 ms, 145 ms, 3.21 s, 2 min 5 s or 1 h 3 min."""
    if ms is None:
        return ABSENT
    if ms < 1:
        return "0 ms" if ms <= 0 else f"{max(ms, 0.01):.2f} ms"
    if ms < 9.95:
        return f"{ms:.1f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_995:
        return f"{ms / 1000:.2f} s"
    seconds = round(ms / 1000)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def money(dollars: Decimal | None) -> str:
    """`dollars` with cents from a dollar on, and else with as many digits as it takes not to say $0.00."""
    if dollars is None:
        return ABSENT
    if dollars == 0:
        return "$0"
    if abs(dollars) >= 1:
        return f"${dollars:,.2f}"
    if abs(dollars) >= Decimal("0.0001"):
        return f"${dollars:.4f}"
    if abs(dollars) < Decimal("0.0000001"):
        return "<$0.0000001"
    return f"${dollars:.7f}".rstrip("0")


def share(part: float | None) -> str:
    """A share from 0 to 1 as a percentage with one digit."""
    return ABSENT if part is None else f"{part * 100:.1f} %"


def count(number: int | None) -> str:
    """A whole number with thousands apart."""
    return ABSENT if number is None else f"{number:,}"


def size(number: int | None) -> str:
    """A number of bytes as 512 B, 8.2 kB, 64.0 MB or 1.3 GB."""
    if number is None:
        return ABSENT
    if number < 1000:
        return f"{number} B"
    amount = float(number)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:,.1f} TB"


def rating(value: float | None) -> str:
    """An average rating with one digit."""
    return ABSENT if value is None else f"{value:.1f}"


def confidence(value: float | None) -> str:
    """A confidence from 0 to 1 with two digits."""
    return ABSENT if value is None else f"{value:.2f}"


def stars(value: int | None) -> str:
    """A rating from 1 to 5 as filled and empty stars."""
    return ABSENT if value is None else "★" * value + "☆" * (5 - value)


def ago(moment: datetime | None, now: datetime) -> str:
    """How long before `now` the `moment` was: just now, 2 min ago, 3 h ago, 5 d ago."""
    if moment is None:
        return ABSENT
    seconds = int((now - moment) / timedelta(seconds=1))
    for size, unit in _AGO:
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now" if seconds < 10 else f"{seconds} s ago"


def exact(moment: datetime | None) -> str:
    """The moment to the millisecond, in UTC."""
    return ABSENT if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"


def change(now: float | None, before: float | None) -> float | None:
    """The relative change from `before` to `now`; None where there is nothing to compare with."""
    if now is None or not before:
        return None
    return (now - before) / before


def flag(value: QualityFlag | str) -> str:
    """A quality flag in words."""
    return FLAG_WORDS[QualityFlag(value)]


def status(value: TraceStatus | str) -> str:
    """A trace's status in words."""
    return STATUS_WORDS[TraceStatus(value)]


def safe_markdown(text: str) -> str:
    """`text` as Markdown in which nothing but plain Markdown works.

    HTML is shown as text, images are not fetched, and neither formulas nor Streamlit's own directives are drawn. Code
    stays as it is, since nothing in it is interpreted anyway.
    """
    parts = _CODE.split(text)
    return "".join(part if at % 2 else _MARKUP.sub(r"\\\g<0>", part) for at, part in enumerate(parts))


def label(text: str, limit: int = 60) -> str:
    """`text` for a widget's label: one line, at most `limit` characters, no Markdown at work."""
    line = " ".join(text.split())
    short = line if len(line) <= limit else line[: limit - 1] + "…"
    return unbroken(re.sub(r"([\\`*_\[\]<>$:~#|!])", r"\\\1", short))


def unbroken(text: str) -> str:
    """`text` with a no-break space between each number and its unit, so that no line ends between them."""
    return _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text)
