"""Makes of the project what a box installs: a package for dpkg, a bundle for a box without network.

`pins` says what runs with which hashes, `tree` puts it under `/opt/nxgate`, `deb` and `bundle`
pack it. Nothing of the target runs meanwhile, so that each architecture is made on any machine.
"""
