"""The data: Raken behind slices and flights, ASR's rows in Postgres, the DataLoaders over both.

Imports nothing of resolvers or app; is handed the clock, the sockets and the pools. Start in `loader.py`,
the path of one read; `entity.py`, `freshness.py` and `errors.py` are its pure bottom.
"""
