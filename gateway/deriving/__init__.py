"""What is derived from raw signals before the figures see them.

Read in this order: `tokens`, `syntax` and `expression` (the small language of `is:`); `states`
(from bits, PackML or a counter), `levels` (from power) and `cycles` (counts from power or pulses);
`deriver` puts them together for one asset.
"""
