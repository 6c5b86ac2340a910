"""A box's spare: what it takes to go on elsewhere, without keys; and leaving nothing behind.

Read in this order: `contents` (what an archive holds, and what it never does), `packing`,
`unpacking`, `wiping` (the commands).
"""
