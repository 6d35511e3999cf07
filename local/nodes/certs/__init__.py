"""The certificates node: mints a deployment's bundle offline, as the official generator would."""
