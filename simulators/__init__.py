"""Simulated machines that speak the real protocols, with encoders of their own."""
