"""The process: configuration, wiring, HTTP, accounts, the command line.

The only package that reads the environment or the clock, and that opens sockets and pools. Start in `wiring.py`,
which shows what exists.
"""
