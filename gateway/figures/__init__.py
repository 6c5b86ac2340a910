"""How states, counters and registers become figures; `gateway/ledger.py` is the door.

Read in this order: `journal` (an asset's log), `timeline` (states → time) and `stops` (to which
loss), `counter` and `pieces` (readings → pieces), `oee` and `kpis` (the fold), `energy`, `own`;
then `calendar`, `windows` and `orders` (which windows there are), and what keeps it going:
`presence`, `holes` and `track` (what is logged), `cells` and `reckoning` (what is remembered),
`eras` (settings of their time), `book` (windows closed and restated), `replay` (a log read again),
`account` (one asset), `share` and `part` (what figures of several ask of it).
"""
