"""What organizations pay for: plans, subscriptions, and what they are entitled to."""
