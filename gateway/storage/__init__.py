"""The rooms of the durable store: files, threads and positions; `gateway/store.py` is its door."""
