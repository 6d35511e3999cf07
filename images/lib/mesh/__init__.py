"""
A node's way to the other nodes of its role: loopback ports whose connections travel as WebSockets to `mesh.internal`.

Runs on what the official images have: Python 3.9 or newer, with nothing but its standard library.
"""
