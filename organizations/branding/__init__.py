"""How an organization looks: its name, colours and logo in place of the product's own."""
