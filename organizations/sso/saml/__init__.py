"""SAML 2.0: metadata of both sides, the request we send, and the judgement of the answer."""
