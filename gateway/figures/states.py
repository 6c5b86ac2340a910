"""The words for a machine's state, as the contract has them."""

RUNNING, SETUP, WAITING, FAULT, IDLE = "running", "setup", "waiting", "fault", "idle"
PLANNED_STOP, OFFLINE, UNKNOWN = "planned_stop", "offline", "unknown"
STOPS = frozenset({FAULT, WAITING, IDLE})
KNOWN = STOPS | {RUNNING, SETUP, PLANNED_STOP}
