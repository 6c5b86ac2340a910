"""Figures of several assets: of a line (`_line`), of the site (`_site`), and who else needs others.

Read in this order: `gathering` (parts of one window, a few at a time), `total` (their exact sums),
`statement` (what a record says of them), `rollup` (the windows of one line), `rollups` (which
lines there are; the door); `allocation` shares the energy of a shared machine out.
"""
