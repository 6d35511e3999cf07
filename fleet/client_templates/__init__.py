"""Templates of an MSP: what its clients' tenants are to be, inherited, overridden and held against them."""
