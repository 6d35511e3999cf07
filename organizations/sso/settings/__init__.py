"""Pages and API by which an organization looks after its connections and domains."""
