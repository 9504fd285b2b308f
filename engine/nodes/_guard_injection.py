"""Signs that a text tries to give a model instructions of its own.

A net, not a wall: it knows the usual wordings in five languages, also when they are hidden with invisible characters,
look-alike letters or odd spacing. What it lets through is still only data to our models, and they hold no rights.
"""

from __future__ import annotations

import re
import unicodedata

_LOOKALIKES = str.maketrans("аеорсухіѕјԁоΑΒΕΟΡ", "aeopcyxisjdoabeop")
_RULES = "(?:instruction|prompt|rule|guideline|direction|direktive|message|constraint|polic)"
_SIGNS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rf"\b(?:ignore|disregard|forget|override|bypass|skip)\b.{{0,40}}\b(?:all|any|every|previous|prior|above|earlier"
        rf"|preceding|your|system|these|those)\b.{{0,40}}\b{_RULES}",
        rf"\b(?:reveal|show|print|repeat|output|display|tell me|give me|leak|quote)\b.{{0,40}}\b(?:system|hidden|secret"
        rf"|initial|original|developer)\b.{{0,20}}\b{_RULES}",
        r"\b(?:what (?:is|are)|repeat|print)\b.{0,20}\byour (?:system prompt|(?:hidden|secret|initial) instructions)",
        r"\byou are (?:now|no longer)\b.{0,60}\b(?:dan|unrestricted|unfiltered|jailbroken"
        r"|an? (?:ai|bot|assistant|admin)\w*)\b",
        r"\b(?:pretend|act|behave|roleplay)\b.{0,20}\b(?:as|to be|you are)\b.{0,40}\b(?:dan|jailbroken|unrestricted"
        r"|unfiltered|no (?:rules|restrictions|limits)|developer mode|root|the system)\b",
        r"\b(?:do anything now|jailbreak(?:ed)?|developer mode (?:on|enabled|activated)|god mode)\b",
        r"\b(?:new|updated|real) (?:system )?(?:instructions|prompt|rules) ?:",
        r"(?:^|[\n.] ?)(?:system|assistant|developer) ?(?:prompt|message|note)? ?: ",
        r"<\|?(?:im_start|im_end|system|endoftext|start_header_id)\|?>|\[/?(?:inst|system)\]",
        r"### ?(?:system|instruction)",
        r"\b(?:send|post|forward|exfiltrate|upload)\b.{0,40}\b(?:conversation|api[ _-]?key|password|credential|secret"
        r"|system prompt)s?\b.{0,40}\bto\b",
        r"\bignorier\w*\b.{0,40}\b(?:vorherig|bisherig|obig|alle|deine)\w*\b.{0,40}\b(?:anweisung|regel|vorgabe|instruktion)",
        r"\bignore[rz]?\b.{0,40}\b(?:toutes|les|tes|vos)\b.{0,40}\b(?:instructions|consignes|règles)",
        r"\b(?:ignora|olvida)\w*\b.{0,40}\b(?:todas|las|tus|anteriores)\b.{0,40}\b(?:instrucciones|reglas|órdenes)",
        r"\bignora\w*\b.{0,40}\b(?:tutte|le|tue)\b.{0,40}\b(?:istruzioni|regole)",
    )
)
_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?]+|\n|$)")
REMOVED = "[removed]"


def is_injection(text: str) -> bool:
    """Whether the text bears a known sign."""
    plain = _plain(text)
    return any(sign.search(plain) for sign in _SIGNS)


def without_injection(text: str) -> str | None:
    """The text without the sentences that bear a sign; None when it cannot be cut out like that."""
    parts = [REMOVED + " " if is_injection(part) else part for part in _SENTENCE.findall(text)]
    cut = "".join(parts).strip()
    return None if is_injection(cut) else cut


def _plain(text: str) -> str:
    """As a model would read it: one form of each letter, nothing invisible, single spaces."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(char for char in text if unicodedata.category(char) not in ("Cf", "Mn"))
    text = text.casefold().translate(_LOOKALIKES)
    return re.sub(r"[^\S\n]+", " ", text)
