"""A week of twelve machines in each industry, faster than time, with a truth of its own.

Read in this order: `shifts` (when a workshop means to work), `machines` and `life` (what really
happens), `workshops` (the five industries), `troubles` and `polling` (what a poll sees of it, and
when it arrives), `story` and
`benches` (the states and pieces of what happened, or of what could be seen) and
`reckoning` (the figures of a window of either). `written` puts it all into files.

Nothing here is shared with the gateway: what it makes of the readings is held against this.
"""
