"""A modest vocabulary of customer support, by concept.

`names` are words by which a class shows that it means the concept ("track_order" -> tracking); `cues` are words and
phrases by which a customer speaks of it. Single words count by their stem, phrases as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from connectors.models.demo.words import stem

_CONCEPTS: dict[str, tuple[str, str]] = {
    "tracking": (
        "track tracking status shipment locate",
        "where|track|status|late|delayed|arrive|arrival|eta|parcel|package|shipped|tracking number|on its way|"
        "has not arrived|when will|not yet received|has my order",
    ),
    "creating": (
        "create purchase buy checkout",
        "buy|purchase|place an order|like to order|want to order|order a|order two|order some|i'll take|add to cart|"
        "to buy|can i order|order the",
    ),
    "modifying": (
        "modify change update edit amend",
        "change|modify|update|edit|instead|different address|wrong address|another size|different size|swap|"
        "add to my order",
    ),
    "cancelling": (
        "cancel cancellation",
        "cancel|cancellation|call off|no longer want|stop my order|don't want it anymore",
    ),
    "returning": (
        "return refund exchange",
        "return|send back|send it back|refund|exchange|money back|doesn't fit|does not fit|"
        "too small|too big|return label",
    ),
    "paying": (
        "payment pay checkout",
        "payment|card|declined|pay|paypal|charged|payment failed|payment link|transaction|checkout",
    ),
    "stock": (
        "inventory stock availability",
        "in stock|stock|available|availability|sold out|out of stock|restock|left",
    ),
    "asking": (
        "faq question information policy knowledge general_question",
        "policy|policies|opening hours|hours|how long|do you|what is your|what are your|how much|warranty|guarantee|"
        "shipping cost|ship to|gift card|gift|loyalty|store|accept|size guide|care|wash|how can i|can i",
    ),
    "ordering": (
        "order orders ordering",
        "order|my order|available|want to buy|like to buy|track|cancel|deliver|delivery|package|parcel|buy|purchase|"
        "return my|in stock|payment|shipped|address|checkout|refund",
    ),
    "selling": (
        "lead sales prospect",
        "interested|quote|wholesale|bulk|for our team|for my team|for our company|our company|partnership|reseller|"
        "sales|talk to sales|contact me|get in touch|call me|business account|corporate|offer for|demo|large order|"
        "employees",
    ),
    "complaining": (
        "complaint complain grievance dissatisfaction",
        "complain|complaint|unacceptable|terrible|awful|horrible|worst|disappointed|disappointing|angry|furious|"
        "outrageous|rude|unhappy|upset|ridiculous|never again|damaged|ripped|torn|overcharged|charged twice|disgusted|"
        "broken|faulty|defective|scam|manager|fed up|frustrated|poor quality|ignored|"
        "smashed|crushed|destroyed|ruined|shattered|cracked|"
        "soaked|dented|livid|appalled|shocked|annoyed|disgrace|rubbish|useless|fell apart|unfriendly|"
        "stolen|fraud|wrong item|nobody replies|no reply|"
        "never arrived|is ridiculous|is unacceptable|is a disgrace|need an answer|been waiting|let me down",
    ),
    "technical": (
        "support technical troubleshooting tech",
        "log in|login|sign in|password|app|website|site|page|error|crash|bug|slow|loading|api|webhook|integration|sync|"
        "install|browser|account locked|not working|doesn't work|does not work|two factor|2fa|screen|button|technical|"
        "export|setting|plugin|reset|is down|are down|outage|losing data|lost data|technician",
    ),
    "billing": (
        "billing invoice charge finance",
        "invoice|bill|billed|charged|charge|overcharged|charged twice|double charge|fee|refund|payment|price|vat|"
        "receipt|credit card|money",
    ),
    "product": (
        "product item quality defect",
        "broken|faulty|defective|quality|zip|zipper|sole|seam|torn|ripped|hole|leak|leaks|color|wrong size|fell apart|"
        "product|material|stitching|scratched|item|worn out|not as described",
    ),
    "service": (
        "service staff agent employee",
        "rude|staff|service|employee|agent|unfriendly|nobody answers|no reply|no answer|ignored|hung up|waiting|"
        "support team|on hold|hotline|called|impolite|never called back|your people",
    ),
    "delivery": (
        "delivery shipping carrier courier logistics",
        "delivery|deliver|delivered|courier|driver|late|delayed|delay|"
        "smashed|crushed|soaked|dented|never arrived|not arrived|lost|parcel|package|"
        "wrong address|neighbour|left outside|days late|weeks late|carrier|shipping",
    ),
    "login": (
        "login signin authentication access account",
        "log in|login|sign in|password|locked|locked out|two factor|2fa|verification code|credentials|"
        "account locked|authenticate|reset link|reset email|username",
    ),
    "performance": (
        "performance speed slow latency",
        "slow|slowly|lag|laggy|loading|loads|takes forever|timeout|times out|freeze|freezes|hangs|"
        "performance|speed|sluggish",
    ),
    "feature": (
        "feature functionality howto usage",
        "feature|how do i|how can i|is it possible|possible to|setting|export|import|option|enable|function|"
        "wish list|wishlist|dark mode|notification|where can i find|can the app",
    ),
    "bug": (
        "bug defect error crash",
        "bug|error|crash|crashes|crashed|exception|error message|wrong result|blank|does nothing|not working|broken|"
        "500|404|glitch|stack trace|empty page|disappears",
    ),
    "integration": (
        "integration api connector webhook",
        "api|webhook|integration|integrate|sync|syncing|connect|connector|endpoint|oauth|api key|shopify|zapier|plugin|"
        "third party|erp|feed",
    ),
    "critical": (
        "critical severe emergency blocker",
        "data loss|breach|hacked|fraud|stolen|injured|injury|burned|burnt|dangerous|unsafe|lawyer|legal action|lawsuit|"
        "police|outage|production|whole company|everyone|nobody can|all users|completely down|security|caught fire|"
        "allergic|sue",
    ),
    "urgent": (
        "urgent immediate asap",
        "urgent|urgently|immediately|asap|right now|emergency|at once|as soon as possible|right away|this instant|"
        "within the hour|need it today|by tomorrow",
    ),
    "high": (
        "high serious major",
        "serious|important|unacceptable|third time|twice|several times|again and again|weeks|furious|"
        "deadline|big order|large|soon",
    ),
    "low": (
        "low minor trivial",
        "minor|small thing|cosmetic|whenever|no rush|no hurry|curious|just wondering|some day|later",
    ),
    "human": (
        "human escalate escalation person handoff",
        "human|real person|speak to someone|talk to someone|manager|supervisor|representative|"
        "talk to a person|call me back",
    ),
    "positive": (
        "positive happy satisfied",
        "thanks|thank you|great|good|happy|love|perfect|wonderful|excellent|appreciate|nice|pleased|fine",
    ),
    "negative": (
        "negative unhappy angry dissatisfied",
        "unacceptable|terrible|awful|horrible|worst|furious|outrageous|disgusted|ridiculous|never again|scam|angry|"
        "fed up|hate|useless|nothing helps|third time|still not|again and again|not good enough|lost all trust",
    ),
    "greeting": ("greeting hello smalltalk", "hello|hi|hey|good morning|good evening|good afternoon|greetings"),
}


@dataclass(frozen=True, slots=True)
class Concept:
    """`names`, `cues`: stems; `phrases`: as ` word word `."""

    names: frozenset[str]
    cues: frozenset[str]
    phrases: tuple[str, ...]


@lru_cache(maxsize=1)
def concepts() -> dict[str, Concept]:
    """All concepts by name."""
    return {name: _concept(*entry) for name, entry in _CONCEPTS.items()}


def _concept(names: str, cues: str) -> Concept:
    parts = cues.split("|")
    return Concept(
        frozenset(stem(word) for word in names.split()),
        frozenset(stem(part) for part in parts if " " not in part),
        tuple(f" {part} " for part in parts if " " in part),
    )
