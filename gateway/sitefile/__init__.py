"""Reading a site file: places, types with units, models of every key, all faults at once."""
