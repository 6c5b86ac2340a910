"""How states, counters and registers become figures; `gateway/ledger.py` is the door.

Read in this order: `journal` (an asset's log), `timeline` (states → time) and `stops` (to which
loss), `counter`, `counting` and `pieces` (readings → pieces), `staffing` (people), `oee` and
`kpis` (the fold), `own`;
for energy `course` (a register over time), `usage` (its exact parts, with `tariff`, `demand` and
`imbalance`), `energy` (the fold, with `conversion` and `efficiency`); then `calendar`, `windows`
and `orders` (which windows there are), and what keeps it going: `presence`, `holes`, `epochs`
and `track` (what is logged), `cells` and `reckoning` (what is remembered), `eras` (settings of
their time), `book` (windows closed and restated), `replay` (a log read again), `account` (one
asset), `share` and `part` (what figures of several ask of it).
"""
