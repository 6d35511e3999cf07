"""
A node's state outside its container: restored before its main process starts, saved while it runs and at its end.

Runs on what the official images have: Python 3.9 or newer, with nothing but its standard library.
"""
