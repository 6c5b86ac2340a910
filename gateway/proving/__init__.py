"""Proving a site: each value held against what the display shows, an outage counted by id.

Read `selection.py` (which tags), `comparing.py` (when a shown value agrees), `proof.py` (the
document that comes of it; its schema is `proof.schema.json`), `sources.py` (who reads),
`walk.py` (from tag to tag) with `asking.py` (at the terminal, or from a file), `outage.py` (the
broker cut) and `signoff.py` (the sheet to sign). `desk.py` is the running gateway's part.
"""
