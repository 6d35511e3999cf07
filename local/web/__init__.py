"""A small HTTP/1.1 server and client over asyncio and h11, shared by the container engine and the stand-in nodes."""
