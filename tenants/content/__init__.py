"""Rules, decoders, lists and agents' settings of one's own: versioned, inherited, checked, and put into use."""
