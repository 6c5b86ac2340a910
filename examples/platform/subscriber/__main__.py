"""python3 -m subscriber mqtt://broker --name platform-1: store what all gateways send."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from .database import Database
from .holes import PATIENCE_MS, Holes
from .listening import SESSION_S, Listening
from .quality import scores
from .storing import Storing


def main() -> int:
    """Listen, or report."""
    parser = argparse.ArgumentParser(prog="subscriber", description=__doc__)
    parser.add_argument("url", nargs="?", help="mqtt://host:1883 or mqtts://host:8883")
    parser.add_argument("--name", default="platform-1", help="client id: its own, and lasting")
    parser.add_argument("--group", default="platform", help="of those who share the load")
    parser.add_argument("--store", default="platform.db", help="a SQLite file, or postgresql://…")
    parser.add_argument("--key", type=Path, help="file of the key that signs requests")
    parser.add_argument("--login", type=Path, help="file of two lines: user, password")
    parser.add_argument("--patience", type=float, default=PATIENCE_MS / 1000, help="seconds")
    parser.add_argument("--session", type=int, default=SESSION_S, help="seconds")
    parser.add_argument("--report", action="store_true", help="show how good the data is, and end")
    asked = parser.parse_args()
    database = Database(asked.store)
    if asked.report or asked.url is None:
        report(database)
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    key = asked.key.read_text().splitlines()[0].strip() if asked.key else None
    user, password, *_more = asked.login.read_text().splitlines() if asked.login else ("", "")
    until = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: until.set())
    holes = Holes(database, key, round(asked.patience * 1000))
    login = (user, password) if user else None
    storing = Storing(database, asked.name)
    Listening(
        asked.url, asked.name, asked.group, storing, holes, login, session_s=asked.session
    ).run(until)
    database.close()
    return 0


def report(database: Database) -> None:
    """Show a line for each gateway, then what is missing of it."""
    print("gateway                          score  records  coverage  lateness    gaps   clock")
    for one in scores(database):
        shares = ("      –" if x is None else f"{x:7.1%}" for x in one[2:])
        name = "/".join(one.gateway)
        print(f"{name:32s} {one.score:5.1f} {one.records:8d}  ", "  ".join(shares), sep="")
    for row in database.rows(
        "SELECT site, gateway, epoch, first, last, tries, outcome FROM holes ORDER BY 1, 2, 3, 4"
    ):
        site, gateway, epoch, first, last, tries, outcome = row
        told = outcome or ("asked for" if tries else "waited for")
        print(f"missing of {site}/{gateway}: {epoch}:{first} to {last}: {told}")


if __name__ == "__main__":
    sys.exit(main())
