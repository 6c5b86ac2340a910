"""What is wrong with a gateway, by a code that stays, since when, and what to do about it.

Read in this order: `catalogue` (every code: what it means and what to do), `finding` (one thing
that is wrong), `running` (what a running gateway's snapshot shows), `standing` (what can be seen of
its files without it), `doctor`, `status` and `bundle` (what the commands do).
"""
