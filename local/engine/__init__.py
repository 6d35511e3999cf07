"""A stand-in for a container engine: the part of the Docker API that workerd and miniflare call, without privileges.

Containers are local processes without namespaces: their disks are directories of their own and their listening ports
are free loopback ports, so any process of this machine's user can reach them. Good for running the product on one
machine, no boundary against hostile code.
"""
