"""How agents join: enrollment tokens, the agents they enrolled, and refusals."""
