"""The contract's judge: `nxgate verify` listens at a broker and says what is wrong.

It shares nothing with the gateway's encoder: what is right it reads from the AsyncAPI document
(`contract.py`), and from rules that docs/platform.md states for subscribers (`rules.py`).

Reading order: `command` (options) → `listener` and `session` (the broker; `session` is the sole
importer of paho here) →
`judge` (one message through every check) → the checks, a file each: `contract`, `streams` and
`epochs` (ids), `ordering`, `lateness`, `presence` (status), `signals` (meta and telemetry),
`figures` (windows), `chains` (states), `events` (gap, clock), `dialogues` (commands) →
`findings` → `report`, `junit`.

Memory is bounded whatever arrives: ids are kept as ranges, bodies as hashes in a sliding window,
and everything else in tables of bounded size (`bounded.py`). What can no longer be judged for
that reason is counted and told.
"""
