"""A site file out of a few answers: `nxgate init`.

Reading order: `answers` (what is asked, as a file), `draft` (the site file that follows, and its
faults at the answers' own lines), `search` (devices found on a link), `interview` (the questions at
a terminal, kept after each so that Ctrl-C loses none), `command`.
"""
