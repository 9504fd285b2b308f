"""The demo model: a small language model made of rules, for an installation without any model key.

It is deterministic and needs no network. It reads nothing but the prompt that it gets: it chooses among the classes
that the prompt or the schema lists, copies the values that a schema asks for out of the message, and writes answers
from the passages, data and instructions in the prompt. It knows English support vocabulary (lexicon.py) and nothing of
any workflow, shop or test. `brain.answer` is the whole of it; handler.py makes it a LiteLLM provider.

The three tiers classify and extract alike and differ in how thoroughly they write:
A and B say the best passage and the facts that were asked for, A with shorter lists; C says all facts of the data, adds
a second passage where one fits, and a closing line.
"""
