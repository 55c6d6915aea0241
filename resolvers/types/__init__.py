"""One file an entity: its GraphQL types, their plain fields and their relations.

Files here know each other by name only (`references.py`): a relation asks the context for nodes of an entity.
"""
