"""The only way to a row: one module a domain, functions take a `Tx` first.

A `Tx` knows its scope, and row-level security in the database is the second net under every query. What belongs to
another tenant is `NotFound`, with the same words as what does not exist. Functions never commit; the transaction does.
"""
