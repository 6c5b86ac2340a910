"""Commands from a platform: who may have what done, and a record of all of it.

Read in this order: `command` (what a command is), `signature` (who sent it), `authority` (what is
refused before anything is done), `notary` with `seen` and `audit` (what is on disk before and after
it is done), `desk` (one command's way), and one file for each: `writing`, `resending`, `context`,
`acknowledging` (the last two over `keeping`: `ok` once it is on disk); `entering` and `by_hand`
take what people enter and write at the gateway itself. `crowd` keeps floods of
refused ones small, `office` puts all of it together. `trail` reads and verifies the audit log,
`show` prints it.

A command is carried out only after its id and its audit line are on disk; so a kill at any moment
may lose its outcome, which is then told as unknown, but never has it done twice. What is refused
before that is known to come from nobody who has the key, or to be late or repeated: it is counted.
"""
