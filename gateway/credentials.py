"""Files that systemd lends: secrets that only root may read, for the time that a service runs.

`LoadCredential=secrets:/etc/nxgate/secrets` lends each file of that folder as `secrets_NAME` in
`CREDENTIALS_DIRECTORY` (systemd.exec(5)). A site file names the file itself, so that `nxgate check`
judges the same file by root's hand that the service reads as a credential.
"""

from __future__ import annotations

import os
from pathlib import Path


def lent(path: Path) -> Path:
    """Where to read a file: its credential where there is one, else the file itself."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is not None:
        credential = Path(folder) / f"{path.parent.name}_{path.name}"
        if credential.is_file():
            return credential
    return path
