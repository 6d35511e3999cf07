"""Local stand-in identity providers: real OpenID Connect and real SAML, with people from a file instead of a directory.

Each runs as a process of its own on a loopback port, ends when its stdin ends, and says on every page what it is. There
is no password: whoever opens the page picks a person. They answer one portal only.
"""
