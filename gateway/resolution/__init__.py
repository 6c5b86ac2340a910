"""From a site file, profiles and templates to a plant: every reference followed."""
