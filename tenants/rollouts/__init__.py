"""Roll-outs: something new brought to many tenants, ring by ring, each by an ordinary operation of its own."""
