"""The demo model on prompts that no shipped workflow holds: it must work from the prompt alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from connectors.models.demo.brain import answer, count_tokens, pieces
from connectors.toolbox import toolbox_specs

SYSTEM = {"role": "system", "content": "You work for a garden centre. Be brief."}


def ask(prompt: str, schema: dict[str, Any] | None = None, **more: Any) -> str:
    return answer([SYSTEM, {"role": "user", "content": prompt}], schema=schema, **more).text


def fill(prompt: str, **properties: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(prompt, {"type": "object", "properties": properties}))
    return found


PETS = """Sort the letter into one of these classes:

- cats: cats, kittens, purring
- dogs: dogs, puppies, barking, walks
- birds: parrots, canaries, cages
- other: anything else

Letter: {}
"""


@pytest.mark.parametrize(
    ("letter", "wanted"),
    [
        ("My puppy needs more walks", "dogs"),
        ("Is this cage fit for canaries?", "birds"),
        ("The kitten will not stop purring", "cats"),
        ("What does a stamp cost?", "other"),
    ],
)
def test_chooses_among_classes_that_the_prompt_describes(letter: str, wanted: str) -> None:
    prompt = PETS.format(letter).replace("Letter:", "Message:")
    assert fill(prompt, kind={"enum": ["cats", "dogs", "birds", "other"]}) == {"kind": wanted}


def test_classifies_without_a_schema_when_the_prompt_asks_for_one_of_its_classes() -> None:
    assert ask(PETS.format("x").replace("Letter: x", "<message>Our puppies bark and need walks</message>")) == "dogs"


def test_every_class_can_be_chosen_when_none_is_a_default() -> None:
    schema = {"enum": ["positive", "negative"]}
    assert fill("Message: This is terrible, I am furious", mood=schema) == {"mood": "negative"}
    assert fill("Message: Thank you, that was wonderful", mood=schema) == {"mood": "positive"}


def test_reads_an_example_of_the_json_in_the_prompt() -> None:
    like = '{"intent": "refund|delivery|other", "urgent": true}'
    prompt = f"Answer with JSON like {like}.\n\nMessage: I want my money back, a refund"
    assert json.loads(ask(prompt)) == {"intent": "refund", "urgent": False}


def test_copies_values_out_of_the_message() -> None:
    text = {"type": ["string", "null"]}
    found = fill(
        "Copy the fields.\n\n<message>Hi, I'm Ada Quill from Quill Works (ada@quill.example, +44 20 5550 0199). "
        "Where is order ORD-12345678, tracking number ZX123456789GB? I want to buy 3 blue rain barrels in size L."
        "</message>",
        name=text,
        company=text,
        email=text,
        phone=text,
        order_id=text,
        tracking_number=text,
        product_name=text,
        color=text,
        size=text,
        quantity={"type": "integer", "minimum": 1},
    )
    assert found == {
        "name": "Ada Quill",
        "company": "Quill Works",
        "email": "ada@quill.example",
        "phone": "+44 20 5550 0199",
        "order_id": "ORD-12345678",
        "tracking_number": "ZX123456789GB",
        "product_name": "rain barrels",
        "color": "blue",
        "size": "L",
        "quantity": 3,
    }


def test_never_invents_what_the_message_does_not_say() -> None:
    text = {"type": ["string", "null"]}
    found = fill("Copy the fields.\n\nMessage: Where is it?", order_id=text, email=text, phone=text, name=text)
    assert found == {"order_id": None, "email": None, "phone": None, "name": None}
    assert fill("Message: Where is it?", order_id={"type": "string"}) == {"order_id": ""}


def test_an_order_number_is_no_phone_number_and_no_quantity() -> None:
    found = fill(
        "Message: Cancel ORD-10000007", phone={"type": ["string", "null"]}, quantity={"type": ["integer", "null"]}
    )
    assert found == {"phone": None, "quantity": None}


def test_numbers_keep_to_the_schema_bounds() -> None:
    schema = {"type": "integer", "minimum": 1, "maximum": 100}
    assert fill("Message: I need 5000 pots", quantity=schema) == {"quantity": 100}
    assert fill("Message: I need pots", quantity=schema) == {"quantity": 1}
    confidence = fill("Message: pots", confidence={"type": "number", "minimum": 0, "maximum": 1})["confidence"]
    assert 0 <= confidence <= 1


def test_answers_from_the_passage_that_fits() -> None:
    passages = [
        {"question": "When is the greenhouse open?", "answer": "From May to October.", "confidence": 0.6},
        {"question": "Do you deliver soil?", "answer": "Yes, from 20 bags on.", "confidence": 0.6},
    ]
    pages = f"<pages>\n{json.dumps(passages)}\n</pages>"
    prompt = f"Answer from these pages.\n\n{pages}\n\nQuestion: Can you deliver soil to me?"
    assert ask(prompt) == "Yes, from 20 bags on."


def test_says_so_when_the_prompt_holds_no_answer() -> None:
    said = ask("Answer the question.\n\nQuestion: How high is the tower of Pisa?")
    assert "do not have the information" in said


def test_tells_data_truthfully_and_leaves_out_what_is_empty() -> None:
    order = {
        "order_id": "ORD-55555555",
        "status": "shipped",
        "carrier": "Haste",
        "tracking_number": None,
        "expected_on": "2031-05-03",
        "total_amount": 12.5,
        "currency": "EUR",
        "items": [{"product_name": "Trowel", "quantity": 2, "unit_price": 6.25}],
    }
    said = ask(f"Put this order into words.\n\nOrder: {json.dumps(order)}\n\nMessage: where is it?", tier="C")
    for fact in ("ORD-55555555 has been shipped", "Haste", "3 May 2031", "12.50 EUR", "2 × Trowel"):
        assert fact in said
    assert "racking" not in said
    assert "None" not in said


def test_says_what_it_is_told_to_say_to_the_customer() -> None:
    said = ask(
        "Apologize to the customer. Tell the customer that their bill of 30.5 EUR is waived and that they owe nothing."
        "\nNever mention the manager. If they are angry, offer them a cake.\n"
        "Ask for their postal address.\n\nMessage: You charged me too much"
    )
    assert said == (
        "I am sorry about this. Your bill of 30.50 EUR is waived and you owe nothing. "
        "Could you please send me your postal address?"
    )


def test_asks_only_for_what_is_missing() -> None:
    said = ask("Ask the customer for what is still missing.\n\nName: Ada\nPhone number: missing\n\nMessage: call me")
    assert said == "Could you please send me your phone number?"


def test_passes_a_prepared_reply_on_with_every_fact() -> None:
    reply = "Your refund of 12.00 EUR left us on 3 May 2031.\n- Trowel\n- Bucket"
    said = ask(f"Write the final answer.\n\n<prepared_reply>\n{reply}\n</prepared_reply>\n\nMessage: where is it?")
    assert said == reply


def test_earlier_turns_help_where_the_last_one_says_nothing() -> None:
    schema = {"type": "object", "properties": {"order_id": {"type": ["string", "null"]}}}
    turns = [
        SYSTEM,
        {"role": "user", "content": "Where is ORD-12345678?"},
        {"role": "assistant", "content": "On its way."},
        {"role": "user", "content": "Copy the order number.\n\nMessage: and when will it come?"},
    ]
    assert json.loads(answer(turns, schema=schema).text) == {"order_id": "ORD-12345678"}


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "find_order",
            "description": "Looks an order up by its number.",
            "parameters": {"type": "object", "required": ["order_id"], "properties": {"order_id": {"type": "string"}}},
        },
    }
]


def test_calls_a_tool_only_with_the_arguments_it_needs() -> None:
    def calls(message: str) -> Any:
        return answer([SYSTEM, {"role": "user", "content": message}], tools=TOOLS).tools

    assert calls("Where is my order ORD-12345678?") == [
        {"name": "find_order", "arguments": {"order_id": "ORD-12345678"}}
    ]
    assert not calls("Where is my order?")


def _offer(name: str) -> dict[str, Any]:
    spec = toolbox_specs()[name]
    function = {"name": name, "description": spec.description, "parameters": dict(spec.parameters)}
    return {"type": "function", "function": function}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Where is my order ORD-10000001?", {"search_order": {"order_id": "ORD-10000001"}}),
        ("Show me the orders of ada@example.com", {"search_orders_by_customer": {"email": "ada@example.com"}}),
        ("What is your return policy?", {"search_knowledge_base": {"query": "What is your return policy?"}}),
        ("Hello", {}),
    ],
)
def test_picks_the_tool_that_fits_and_makes_calls_that_its_schema_allows(message: str, expected: Any) -> None:
    names = ("search_order", "search_orders_by_customer", "search_knowledge_base", "create_order_draft")
    found = answer([SYSTEM, {"role": "user", "content": message}], tools=[_offer(name) for name in names]).tools
    assert {call["name"]: call["arguments"] for call in found} == expected


def test_calls_a_tool_for_each_of_several_questions() -> None:
    offers = [_offer(name) for name in ("search_order", "search_knowledge_base")]
    message = "Where is my order ORD-10000001? What is the return policy?"
    found = answer([SYSTEM, {"role": "user", "content": message}], tools=offers).tools
    assert {call["name"] for call in found} == {"search_order", "search_knowledge_base"}


@pytest.mark.parametrize("parameters", [None, [], {"type": 5}, {"required": "x"}, {"anyOf": [1]}, {"$ref": "#/no"}])
def test_a_tool_with_an_odd_schema_stops_nothing(parameters: Any) -> None:
    tools = [{"type": "function", "function": {"name": "find_order", "description": "", "parameters": parameters}}]
    found = answer([SYSTEM, {"role": "user", "content": "Where is my order ORD-12345678?"}], tools=tools)
    assert found.text or found.tools


def test_answers_with_the_result_of_its_tool() -> None:
    turns = [
        SYSTEM,
        {"role": "user", "content": "Where is my order ORD-12345678?"},
        {"role": "assistant", "content": None},
        {"role": "tool", "content": json.dumps({"order_id": "ORD-12345678", "status": "delivered"})},
    ]
    found = answer(turns, tools=TOOLS)
    assert not found.tools
    assert "ORD-12345678 has been delivered" in found.text


def test_why_a_tool_was_refused_is_not_the_customers_to_read() -> None:
    turns = [
        SYSTEM,
        {"role": "user", "content": "Cancel my order ORD-12345678"},
        {"role": "assistant", "content": None},
        {"role": "tool", "content": "Error: A person has refused this call. The note: a known fraud, call the police"},
    ]
    found = answer(turns, tools=TOOLS)
    assert "could not do that" in found.text
    assert not re.search("fraud|refused|Error", found.text)


def test_tiers_differ_in_thoroughness_not_in_facts() -> None:
    entries = [{"product_name": f"Pot {n}", "price": 1.0} for n in range(7)]
    prompt = f"List them.\n\n<products>\n{json.dumps(entries)}\n</products>\n\nMessage: pots?"
    short, long = ask(prompt, tier="A"), ask(prompt, tier="C")
    assert short.count("\n- ") < long.count("\n- ")
    assert "and 3 more" in short


def test_is_deterministic_counts_tokens_and_keeps_to_the_limit() -> None:
    prompt = "Tell the customer that " + "roses are red and " * 200 + "so on.\n\nMessage: hm"
    first, second = (answer([{"role": "user", "content": prompt}], max_tokens=50) for _ in range(2))
    assert first == second
    assert len(first.text) <= 200
    assert first.tokens_out == count_tokens(first.text)
    assert first.tokens_in > 800


def test_the_pieces_of_a_stream_are_the_text() -> None:
    text = "Two  lines:\n- one\n- two "
    assert "".join(pieces(text)) == text
