"""The rooms of the durable store: files, threads and positions; `gateway/store.py` is its door.

Read in this order: `batch` and `commits` (what is written when), `writer` over `threads` (what
becomes of it), `home` with `epoch` and `disk` (the folder), `shelf`, `segment` with `rows` (files),
`facts` and `bounds` (what is known of them, which must go), `reader`. Publishers: `present` (what
each connection begins with), `position` with `parked`, `progress`, `lacking`; on disk
`position_file` and `places`. Damage: `recovery` with `pages`, `missing`, `naming`. Small: `ranges`,
`notes`, `packed`, `status`, `wear`.
"""
