"""The integrator's first hour: what is on a line, what a register means, a value that is written.

`nxgate scan` finds devices. `evidence` weighs one sign of a template's identity; `knowledge` has
the signs of all templates as tags that can be read; `identifying` asks a device for them until it
is clear which it is; `sweep` goes through units and speeds; `site_piece` writes what was found as
a site file, `fitting` how often its line can carry that; `scan` is the command, and `discovering`
what it does where devices tell their addresses themselves (meters).

`nxgate infer` finds a register by what a display shows. `displays` knows what a shown number can
stand for; `readings` holds what registers held, and where; `decodings` are the ways of reading
them; `surroundings` tells how likely a way is by the registers beside it; `ranking` puts them in
order; `infer` is the command.

`nxgate browse` shows the tree of an OPC UA server. `walk` goes through it, with bounds;
`companions` knows machines that show themselves as a specification says, and what to bind of them;
`tree_site` writes what was chosen as a site file; `browse` is the command.

`nxgate write` (`write`) sets one tag that the site file permits.

They run on an integrator's laptop too, Windows with a COM port: nothing here may need uvloop, or
what only POSIX has.
"""
