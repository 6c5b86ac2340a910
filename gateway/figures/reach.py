"""How far figures reach in time: what is too late, and how much log is held.

Light on purpose: a gateway whose machines have no figures loads this and no more of them.
"""

from gateway.figures.windows import HOUR_MS

NEVER = -(1 << 62)
ALWAYS = 1 << 62
LATE_MS = 26 * HOUR_MS
"""What is read or said later than this is refused."""
KEEP_MS = LATE_MS + 25 * HOUR_MS
"""How much log is held: what may still come, and the day of up to 25 h that it belongs to."""
