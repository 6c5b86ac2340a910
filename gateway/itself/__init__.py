"""The gateway as an asset of line `_gw`, like any machine: what it tells of itself.

`gauges` names its tags, `readings` takes them, `trouble` decides its alarms, `memory` is what it
knows of its last run, `events` what it says once; `itself` puts them together for the agent.
"""
