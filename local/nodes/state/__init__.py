"""A node's state outside its container: saved through `state.internal`, restored before the main process starts.

What this does in a stand-in, a script does in a real image.
"""
