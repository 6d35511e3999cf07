"""Host names of organizations' own: the claim, and what is served at one that is proven."""
