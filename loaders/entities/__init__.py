"""One declaration an entity: Raken's endpoint, the row's shape, how it is sliced, found and ordered.

Each file imports `entity`, and the rows of its neighbours where one lies inside another;
nothing else of ours. The catalogue that names them all is `resolvers/schema.py`.
"""
