"""A simulated Raken with made-up data: its public API, quirks and faults included.

It imports nothing of the gateway, so that a mistake about Raken cannot be made once and pass everywhere.
Start with `main.py` (the server), `company.py` (what there is to read) and `switches.py` (what nobody knows yet).
"""
