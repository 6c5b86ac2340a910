"""Traces: what machines told, line by line in a file, and the figures that follow from it.

Read in this order: `line` (one reading of a trace), `trace` (a file of them), `survey` (what a
trace holds, and its faults), `steps` (clock steps told from late data), `stage` (the site as the
trace speaks of it), `playing` (readings to records, faster than time), `replaying` (`nxgate
replay`), `recording` (`nxgate record`), `wire` (`nxgate record --wire`); `window` (how people
name one), `expectation` and `cases` (`nxgate profile test`); `evidence`, `explanation` and
`explaining` (`nxgate explain`).
"""
