"""Evaluation of workflows: golden sets and what is asserted about their runs. Pure: no I/O, no clock."""
