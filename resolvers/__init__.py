"""The graph: Strawberry types, their fields, and the rules of lists, windows and roles.

Imports loaders, and no driver, server or socket. Start in `schema.py`, the catalogue of what is offered.
"""
