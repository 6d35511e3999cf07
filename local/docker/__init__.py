"""Stand-in nodes as images of a real Docker engine, made without a registry.

The containers, their disks, networks, signals and ends are the engine's own; what runs in them is not Wazuh but the
programs of `local/nodes`. The certificates node alone is the product's own program, from `images/certs`.
"""
