"""What stands in the name of everything that is Acme's. Whoever is outside must never read it."""

CANARY = "zq7canary"
