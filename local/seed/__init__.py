"""The demonstration: an MSP and its clients in different real states, made through the product's own actions."""
