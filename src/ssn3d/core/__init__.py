"""Shared by all rooms: errors, logs, seeds, devices, threads, provenance, types of settings.

Nothing here reads or writes results, and nothing here imports another room.
"""
