"""Names in DNS that organizations claim: their form, the look-up, and what a look means for a claim."""
