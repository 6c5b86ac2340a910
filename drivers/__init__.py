"""Protocol drivers, one folder each; they import from gateway, never the other way round."""
