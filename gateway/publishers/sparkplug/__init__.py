"""Sparkplug B 3.0 over the MQTT publisher: docs/sparkplug.md.

Read in this order: `wire` (protocol buffers, field by field), `metrics` and `words` (what an
asset has to say), `row` (many values at once), `device` (one asset), `topics` and `encoding`
(records of all of them), `numbering` (bdSeq over restarts), `host` (the primary host's STATE),
`session` (births and sequence numbers on one connection), `schema` and `commands` (what others
send us), `node` (the format that puts these together).
"""
