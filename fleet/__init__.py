"""What a managed service provider sees and does across the tenants of its clients."""
