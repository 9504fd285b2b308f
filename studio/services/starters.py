"""The ways to begin that an empty canvas offers: a few nodes that work as they are."""

from __future__ import annotations

from typing import Any

Json = Any
GREETING = "Hello! How can I help?"


def starters(path: str) -> list[dict[str, Json]]:
    """`{key, title, summary, icon, nodes, edges, triggers}` each; the chat would answer at `path`."""
    chat = {"type": "chat", "config": {"path": path, "greeting": GREETING}}
    return [{**starter, "triggers": [chat]} for starter in _STARTERS]


_STARTERS: tuple[dict[str, Json], ...] = (
    {
        "key": "answer",
        "title": "Answer questions",
        "summary": "A chat whose answers rest on what your knowledge base says.",
        "icon": "message-square",
        "nodes": [
            {"name": "start", "type": "start"},
            {
                "name": "look_up",
                "type": "knowledge",
                "config": {"query": "context.message", "limit": 5, "output_key": "found"},
            },
            {
                "name": "answer",
                "type": "agent",
                "config": {
                    "model": "auto",
                    "prompt_template": (
                        "Answer the question from the passages, in the language of the question.\n"
                        "Say so when they do not hold the answer.\n\n"
                        "Passages: {found}\nQuestion: {message}\n"
                    ),
                },
            },
            {"name": "end", "type": "end"},
        ],
        "edges": [
            {"from": "start", "to": "look_up"},
            {"from": "look_up", "to": "answer"},
            {"from": "answer", "to": "end"},
        ],
    },
    {
        "key": "route",
        "title": "Sort and route messages",
        "summary": "A model sorts each message; every kind goes its own way.",
        "icon": "split",
        "nodes": [
            {"name": "start", "type": "start"},
            {
                "name": "sort",
                "type": "classifier",
                "config": {
                    "classes": [
                        {"name": "question", "description": "Wants to know something"},
                        {"name": "complaint", "description": "Is unhappy with something"},
                        {"name": "other", "description": "Anything else"},
                    ]
                },
            },
            {
                "name": "answer",
                "type": "agent",
                "config": {"model": "auto", "prompt_template": "Answer in a friendly way: {message}\n"},
            },
            {
                "name": "apologise",
                "type": "message",
                "config": {"text": "I am sorry to hear that. A colleague will look into it today."},
            },
            {"name": "end", "type": "end"},
        ],
        "edges": [
            {"from": "start", "to": "sort"},
            {"from": "sort", "to": "apologise", "condition": "context.class == 'complaint'"},
            {"from": "sort", "to": "answer"},
            {"from": "apologise", "to": "end"},
            {"from": "answer", "to": "end"},
        ],
    },
)
