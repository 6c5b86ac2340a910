"""The gateway as an asset of line `_gw`, like any machine: what it tells of itself.

`gauges` names its tags, `readings` takes them, `trouble` decides its alarms (`certificate` among
them), `comings` tells devices lost and returned, `basis` what changed of what figures depend on,
`memory` is what it knows of its last run; `itself` puts them together for the agent.
"""
