"""Looking into a store from outside: `nxgate store status | verify | export`.

Everything here reads only, beside a running gateway or on a folder that was carried away, and
leaves no trace in it: no lock is taken, no log is folded in, and a segment is never held for
longer than a page of rows, so that it can be sealed.

Reading order: `command` (options) → `place` (which folder, whose) → `segments` (rows, page by
page) → `standing` (status), `inspection` (verify), `export` with `sheets` and `wide` (tables) and
`stick` (files on a medium that may be full or pulled).
"""
