"""A side of compare.py as it sees itself: it loads, says so, and runs its test each time it is called.

Needs nothing but Python: the peers' interpreters have no fluxmlx.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from resident import resident_peak

__all__ = ["answer_calls"]

LEAST_S = 1.0  # of what is timed, so that a short test is not a few ticks of the clock that tells how busy others were


def answer_calls(
    facts: dict[str, Any], tokens: int, run: Callable[[], float], problems: list[str] | None = None
) -> None:
    """Prints the facts and, for each line of standard input, what the test gave; each a line of JSON.

    Args:
        facts: of this side; `first_s` are the seconds of its load up to a first token.
        tokens: that one run of the test reads or writes.
        run: does so once, and tells the seconds that count.
        problems: to which a run may add why its seconds are not those that were asked for; emptied before each call.
    """
    problems = [] if problems is None else problems
    print(json.dumps(facts), flush=True)
    for _ in sys.stdin:
        problems.clear()
        used, seconds, count = time.process_time(), 0.0, 0
        while seconds < LEAST_S:
            seconds += run()
            count += 1
        answer = {"rate": count * tokens / seconds, "cpu_s": time.process_time() - used}
        answer |= {"resident": resident_peak(), "problems": sorted(set(problems))}
        print(json.dumps(answer), flush=True)
