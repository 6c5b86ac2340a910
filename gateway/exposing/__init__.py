"""What a running gateway tells of itself, for Prometheus and for whoever asks whether it is alive.

A process of its own, beside the gateway: `families` (a snapshot as metrics), `health` (alive or
stuck), `server` (both over HTTP).
"""
