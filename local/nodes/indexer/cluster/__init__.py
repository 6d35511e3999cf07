"""
Several indexers: they elect one of them, which orders all writes and brings them to the others.

Like OpenSearch's nodes they meet on 9300, through the image's own tunnel, with TLS by the tenant's certificates on
both sides; a majority of all is needed to elect and to write; a node with an empty disk joins a cluster that lives and
is filled before it counts; a cluster that a majority of empty nodes forms has another uuid, and who belongs to the one
before can't join it. What travels is the stand-in's own: JSON behind a length, where OpenSearch has its transport
protocol, which is internal to its nodes and no interface of the product. Unlike there, every node holds every document.
"""
