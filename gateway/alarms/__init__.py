"""Alarms: what is beyond its limit now, told once when it begins and once when it ends.

`watch` is one alarm and decides when it is raised and over; `board` holds all of them, gives the
pipeline those that a tag feeds, and takes acknowledgements. Nothing here does I/O.
"""
