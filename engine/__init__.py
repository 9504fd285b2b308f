"""The ground floor: the workflow language, its execution, routing, evaluation and persistence.

Imports nothing of the floors above, nor a web framework, queue or model client.
"""
