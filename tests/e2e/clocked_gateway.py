"""The gateway's own command on a machine whose word on its clock is a file.

    python -m tests.e2e.clocked_gateway run SITE

The system clock itself is set for this one process by libfaketime. A time server's word can't be
had in a test, so the two questions that are asked of the machine are answered here: the clock is
synchronised while the file named in `NXGATE_TEST_SYNCED` exists, and there is no hardware clock.
"""

from __future__ import annotations

import os
from pathlib import Path

from gateway.__main__ import main
from gateway.timekeeping import evidence

SYNCED = "NXGATE_TEST_SYNCED"


def take_over() -> None:
    file = Path(os.environ[SYNCED])

    class Machine(evidence.ThisSystem):
        def is_synchronised(self) -> bool:
            return file.exists()

        def backing(self) -> evidence.Backing:
            return evidence.Backing.NONE

    evidence.ThisSystem = Machine  # type: ignore[misc]


if __name__ == "__main__":
    take_over()
    main()
