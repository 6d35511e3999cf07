"""E-mail domains of an organization: the claim, and what its proof is good for."""
