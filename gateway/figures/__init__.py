"""How states, counters and registers become figures; `gateway/ledger.py` is the door.

By what is to be changed:

    pieces, losses, OEE     `states` (their words), `timeline` (states → time), `stops` (to which
                            loss), `counter`, `counting` and `pieces` (readings → pieces),
                            `staffing` (people),
                            `oee` and `kpis` (the fold), `own` (formulas of the firm)
    energy                  `media`, `course` (a register over time), `usage` (its exact parts,
                            with `tariff`, `demand`, `imbalance`), `energy` (the fold, with
                            `conversion` and `efficiency`)
    which windows           `calendar`, `windows`, `orders`, `intervals`
    what a record says      `statement` (oee, energy), `shown` (state)
    what goes into the log  `intake` (readings, by `track`), `presence` and `holes` (silence),
                            `drops` (counters that fall), `epochs` (scales), `bench` (tests),
                            `context` (what people say)
    what is remembered      `journal` (the log in memory), `cells` (sums of quarter hours),
                            `reckoning` (any window), `eras` and `terms` (settings of their time)
    when it is told         `book` (windows of one class: closed, restated), `books` (all of an
                            asset's), `touching` (how far an entry acts)
    what keeps it going     `account` (one asset), `replay` (a log read again), `share` and `part`
                            (what figures of several ask of it), `reach` (how far back they go)

A gateway whose assets have no figures loads `calendar`, `windows` and `reach`, and nothing else
of them: `gateway/ledger.py` imports `account` with the first asset that has any.

Who is new reads `journal`, `timeline`, `counting`, `oee`, then `book` and `account`.
"""
