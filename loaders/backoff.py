"""Back-off: how long to leave alone what has failed.

The rule it keeps: the pause doubles with each failure in a row, to a longest, and is spread over its upper half.
"""


def pause(times: int, jitter: float, *, first: float, longest: float) -> float:
    """Seconds to wait after so many failures in a row; `jitter` is 0 to 1."""
    return min(longest, first * 2.0 ** min(times - 1, 30)) * (0.5 + jitter / 2)
