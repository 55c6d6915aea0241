"""Measurements, run by hand: they may import the gateway and the sandbox, and nothing imports them but their tests."""
