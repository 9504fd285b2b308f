"""Turns what a prompt tells the model to do into what is then said: "Ask for the order number" -> a polite question."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from connectors.models.demo.words import sentence

_WHO = r"(?:the\s)?(?:customers?|users?|person|client|them|visitor|caller|reader)"
_LEAD = r"^(?:please\s|then\s|also\s|first\s|you\s(?:should|must|need to|have to)\s|your\s(?:task|job)\sis\sto\s)*"
_INDIRECT = r"(?:how|what|where|when|which|who|why|whether|about|of)\b"  # "tell them how ..." names a task, no words
_TELL = re.compile(
    rf"{_LEAD}(?:(?:tell|inform|let|remind|assure|show)\s{_WHO}\s(?:know\s)?(?:that\s)?(?!{_INDIRECT})(.+)|"
    r"(?:say|explain|state|mention|confirm|add|note|make clear|point out)\sthat\s(.+))",
    re.IGNORECASE | re.DOTALL,
)
_ASK = re.compile(
    rf"{_LEAD}ask\s(?:{_WHO}\s)?(?:politely\s|kindly\s)?(for|to|whether|if|which|what|how|when|where|who)\s(.+)",
    re.IGNORECASE | re.DOTALL,
)
_SORRY = re.compile(
    rf"{_LEAD}apologi[sz]e(?:\sto\s{_WHO})?(?:\s(?:sincerely|briefly))?(?:\sfor\s([^.;]+))?", re.IGNORECASE
)
_THANK = re.compile(rf"{_LEAD}thank\s{_WHO}(?:\s(?:warmly|kindly))?(?:\sfor\s([^.;]+))?", re.IGNORECASE)
_OFFER = re.compile(rf"{_LEAD}(offer|suggest|recommend|propose)\s(?:to\s)?(?:{_WHO}\s)?(.+)", re.IGNORECASE | re.DOTALL)
_INVITE = re.compile(rf"{_LEAD}(?:invite|encourage)\s{_WHO}\sto\s(.+)", re.IGNORECASE | re.DOTALL)
_OPEN = re.compile(r"\b(?:missing|unknown|not known|still open|not given)\b", re.IGNORECASE)
_VAGUE = re.compile(r"^(?:all of )?(?:it|them|this|that|so|these|anything)\b", re.IGNORECASE)
_NOT = re.compile(r"\b(?:do not|don't|never|must not|without|avoid|unless)\b", re.IGNORECASE)
_CONDITION = re.compile(r"^(?:-\s*)?(?:if|when|unless|otherwise|in case|where|should)\b", re.IGNORECASE)
_SPLIT = re.compile(
    r",?\s(?:and|then)\s(?=(?:ask|tell|say|offer|apologi|thank|explain|suggest|invite|inform|confirm|let)\b)", re.I
)
_AND_THAT = re.compile(r",?\sand that\s", re.IGNORECASE)
_PERSON = (
    (re.compile(r"\b(?:they|the customer|the user|the client|he or she)\s(?:has|have)\b", re.I), "you have"),
    (re.compile(r"\b(?:they|the customer|the user|the client|he or she)\s(?:is|are)\b", re.I), "you are"),
    (re.compile(r"\b(?:they|the customer|the user|the client|he or she)\s(?:was|were)\b", re.I), "you were"),
    (re.compile(r"\b(?:the customer's|the user's|the client's|their|his or her)\b", re.I), "your"),
    (re.compile(r"\b(?:theirs)\b", re.I), "yours"),
    (re.compile(r"\b(?:they|them|the customer|the user|the client)\b", re.I), "you"),
)


@dataclass(slots=True)
class Speech:
    """What is to be said, by place in the answer."""

    thanks: list[str] = field(default_factory=list)
    regrets: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)


def speech_of(instructions: list[str], missing: list[str]) -> Speech:
    """Read the instructions; conditional and negative ones are left alone, for they say what not always holds.

    `missing` are the labels of what is not known yet: "ask for what is missing" asks for these.
    """
    speech = Speech()
    for instruction in instructions[:60]:
        if _CONDITION.match(instruction):
            continue
        for part in _SPLIT.split(instruction[:1000]):
            if not _NOT.search(part[:40]):
                _read(speech, part.strip(), missing)
    return speech


def _read(speech: Speech, part: str, missing: list[str]) -> None:
    if match := _SORRY.match(part):
        speech.regrets.append(f"I am sorry for {to_you(match[1])}." if match[1] else "I am sorry about this.")
    elif match := _THANK.match(part):
        speech.thanks.append(f"Thank you for {to_you(match[1])}." if match[1] else "Thank you for your message.")
    elif match := _ASK.match(part):
        if missing and _OPEN.search(match[2]):
            speech.questions.append(_question("for", "your " + " and your ".join(label.lower() for label in missing)))
        elif not _VAGUE.match(match[2]):
            speech.questions.append(_question(match[1].lower(), to_you(match[2])))
    elif match := _TELL.match(part):
        speech.statements.append(sentence(to_you(match[1] or match[2])))
    elif match := _INVITE.match(part):
        speech.statements.append(sentence(f"you are welcome to {to_you(match[1])}"))
    elif match := _OFFER.match(part):
        verb = {"offer": "I can offer you", "propose": "I propose"}.get(match[1].lower(), f"I {match[1].lower()}")
        speech.statements.append(sentence(f"{verb} {to_you(match[2])}"))


def _question(kind: str, rest: str) -> str:
    """`for the order number` -> "Could you please send me the order number?"."""
    text = rest.strip().rstrip(".!?")
    if kind == "for":
        return f"Could you please send me {text}?"
    if kind == "to":
        return f"Could you please {text}?"
    return f"Could you please tell me {kind} {text}?"


def to_you(text: str) -> str:
    """Speak to the customer instead of about them."""
    for pattern, replacement in _PERSON:
        text = pattern.sub(replacement, text)
    return _AND_THAT.sub(" and ", text).strip().rstrip(".")
