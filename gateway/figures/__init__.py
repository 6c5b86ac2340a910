"""How states, counters and registers become figures; `gateway/ledger.py` is the door.

Read in this order: `journal` (an asset's log), `timeline` (states → time), `counter` and `pieces`
(readings → pieces), `oee` and `kpis` (the fold), `energy`, `own`; then `calendar` and `windows`, and what
keeps it going: `presence`, `holes` and `track` (what is logged), `cells` and `reckoning` (what is
remembered), `book` (windows closed and restated), `replay` (a log read again), `account` (one
asset).
"""
