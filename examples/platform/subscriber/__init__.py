"""A subscriber that is never wrong: what every gateway of a cluster sends, stored exactly once.

Read in this order: `contract` (topics and ids), `database` (SQLite or PostgreSQL, the tables),
`storing` (a batch of messages in one transaction), `holes` (ids that are missing, asked for
again), `quality` (a score for each gateway), `listening` (the broker), `__main__` (the command).

It needs paho-mqtt and Python 3.11; psycopg where a PostgreSQL is used. Nothing of it is shared
with the gateway: copy it.
"""
