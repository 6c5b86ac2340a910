"""An hour of each machine of each industry, and its figures by arithmetic of its own."""
