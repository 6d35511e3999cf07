"""Who is told of alerts: destinations, the rules that lead to them, and each notice on its way."""
