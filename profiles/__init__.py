"""Industry profiles and device templates: data only."""
