"""What a recording of a machine's power teaches: thresholds, hysteresis and dwell of its levels.

Read in this order: `recording` (power and labels of one machine), `breaks` (levels by the density
of power), `edges` (the band of each level, and the edges between), `proposal` (the settings that
tell most of the recorded time right), `report` (what is printed), `command` (`nxgate learn`).
"""
