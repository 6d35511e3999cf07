"""What keeps a tenant fit: new certificates and passwords, sleep, and the window in which nodes may restart."""
