"""`make demo`: the main job from sign-up to deletion, without a browser, on a throw-away stack."""
