"""What time it is, how far that can be trusted, and how to correct what was said before.

Read in this order: `evidence` (what the system knows of its own clock), `spans` (which records
were made on which time), `keeper` (the one authority for wall time in the process).
"""
