"""Times as the protocols write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["nanoseconds", "rfc3339", "rfc3339_after"]

_LONG = 3e9  # seconds; 95 years
_NEVER = datetime(
    2318, 1, 1, tzinfo=UTC
)  # a model that stays for ever; what Ollama says of it is as far away


def nanoseconds(seconds: float) -> int:
    """Whole nanoseconds; at least 1 of what took time at all, because 0 stands for nothing."""
    return max(int(seconds * 1e9), 1)


def rfc3339(when: datetime | None = None) -> str:
    """A moment, this one without it, with parts of a second."""
    when = when or datetime.now(UTC)
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def rfc3339_after(seconds: float) -> str:
    """The moment that is so far away."""
    return rfc3339(_NEVER if seconds > _LONG else datetime.now(UTC) + timedelta(seconds=seconds))
