"""What is derived from raw signals before the figures see them.

Read in this order: `tokens`, `syntax` and `expression` (the small language of `is:`).
"""
