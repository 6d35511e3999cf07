"""OpenID Connect: providers and their discovery, and the judgement of their answers."""
