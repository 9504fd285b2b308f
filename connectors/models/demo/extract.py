"""Finds values in what a customer wrote: order ids, tracking numbers, e-mails, phones, names, quantities, products.

Every pattern is linear in the length of the text; nothing from the prompt is ever used as a pattern.
"""

from __future__ import annotations

import re

from connectors.models.demo.words import shorten, word_set, words

MAX_TEXT = 8_000

ORDER_ID = re.compile(r"\bORD[- ]?(\d{8})\b", re.IGNORECASE)
_ORDER_NUMBER = re.compile(r"\border\s{0,2}(?:id|no\.?|number|nr\.?)?\s{0,2}[:#]?\s{0,2}(\d{8})\b", re.IGNORECASE)
_ID = re.compile(r"\b([A-Z]{2,6})-(\d{2,12})\b")
_TRACKING = re.compile(r"\b(?!ORD|CUS|PRD|ESC|FUP|LEAD)[A-Z]{2,4}-?\d{8,16}[A-Z]{0,3}\b")
_TRACKING_WORDS = re.compile(
    r"\btracking\s{1,2}(?:number|code|no\.?|id)?\s{0,2}(?:is\s)?[:#]?\s{0,2}([A-Z0-9-]{6,30})\b", re.I
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}")
_PHONE = re.compile(r"(?<![\w-])\+?\d[\d ()./-]{5,20}\d(?![\w-])")
_NAME = re.compile(
    r"(?:\b[Mm]y name(?: is|'s)|\bI am|\bI'm|\b[Tt]his is|\b[Nn]ame:|\b[Rr]egards,|\b[Cc]heers,|\b[Tt]hanks,)\s{1,3}"
    r"([A-Z][\w'-]{1,30}(?:[ ][A-Z][\w'-]{1,30}){0,2})"
)
_SHY_NAME = re.compile(
    r"\bmy name(?: is|'s) ([a-z][\w'-]{1,30}(?: [a-z][\w'-]{1,30})?)(?=[.,!;\n]|$| and\b)", re.IGNORECASE
)
_COMPANY = re.compile(
    r"(?:\b[Cc]ompany(?: is| name is| is called)?:?|\b[Ww]ork (?:for|at)|\bon behalf of|\b[Ff]rom|\bat)\s{1,3}"
    r"([A-Z][\w&'-]{1,30}(?:\s(?:[A-Z][\w&'-]{0,30}|&|of|GmbH|Inc\.?|Ltd\.?)){0,3})"
)
_AMOUNT = re.compile(
    r"(?:[$€£]\s?(\d{1,7}(?:[.,]\d{2})?)|\b(\d{1,7}(?:\.\d{2})?)\s?(?:usd|dollars?|euros?|eur)\b)", re.I
)
_COUNT = re.compile(
    r"(?<![\w.,#-])(\d{1,4})(?![\w.,%-]?\d)(?!\s?(?:usd|dollars?|euros?|eur|%|days?|weeks?|years?|hours?))", re.I
)
_SIZE = re.compile(r"\bsize\s{0,2}:?\s{0,2}(\d{1,2}(?:\.5)?|x{0,3}[sl]|m|small|medium|large)\b", re.IGNORECASE)
_BARE_SIZE = re.compile(r"(?<![\w'])(XS|S|M|L|XL|XXL)(?![\w'])")
_NOT_NAMES = word_set(
    "interested looking very really so just still not writing calling trying a an the from in at here sorry afraid "
    "sure having unable happy i we monday tuesday wednesday thursday friday saturday sunday"
)
COLORS = word_set(
    "black white grey gray blue navy red green olive brown tan beige yellow orange pink purple teal sand rust charcoal "
    "cream silver gold burgundy"
)
_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {
    **{word: n for n, word in enumerate(_ONES)},
    **{"twenty": 20, "thirty": 30, "fifty": 50, "hundred": 100, "dozen": 12, "couple": 2, "pair": 1},
}
_BUYING = word_set(
    "buy order purchase need want get interested return exchange stock have looking like replace sell available find "
    "about cancel wear received bought ordered"
)
_BEFORE_PRODUCT = word_set(
    "a an the some any in for to of my your our me us please another new more x pair pairs piece pieces pcs units unit "
    "order buy purchase get have would like one it this these those still size color colour with know if is are there "
    "ordering buying getting about do you we"
)
_AFTER_PRODUCT = word_set(
    "in for to of and or but with because please from size color colour by until before i is are was were has have "
    "that which who if when on at as it they you can we do does how left available thanks thank still right now today "
    "tomorrow my so any"
)
_NOT_PRODUCTS = word_set(
    "order orders something anything stuff things help order's one it them that this package parcel refund quote "
    "information question know return policy money back number status here more talk speak change cancel"
)


def order_id(text: str) -> str | None:
    """`ORD-10000007`, also written `ord 10000007` or `order number 10000007`."""
    match = ORDER_ID.search(text[:MAX_TEXT]) or _ORDER_NUMBER.search(text[:MAX_TEXT])
    return f"ORD-{match[1]}" if match else None


def tracking_number(text: str) -> str | None:
    """A carrier's number such as `NW483920175US`."""
    if match := _TRACKING.search(text[:MAX_TEXT]):
        return match[0]
    match = _TRACKING_WORDS.search(text[:MAX_TEXT])
    return match[1] if match and any(c.isdigit() for c in match[1]) and not ORDER_ID.match(match[1]) else None


def other_id(text: str, name: str) -> str | None:
    """An id such as `CUS-0012` whose prefix abbreviates `name` (customer_id)."""
    for match in _ID.finditer(text[:MAX_TEXT]):
        letters = iter(name.upper().removesuffix("_ID"))
        if all(letter in letters for letter in match[1]):
            return match[0]
    return None


def email(text: str) -> str | None:
    match = _EMAIL.search(text[:MAX_TEXT])
    return match[0].rstrip(".").lower() if match else None


def phone(text: str) -> str | None:
    """A number of 7 to 15 digits that is no part of another id."""
    for match in _PHONE.finditer(_EMAIL.sub(" ", text[:MAX_TEXT])):
        digits = sum(c.isdigit() for c in match[0])
        if 7 <= digits <= 15 and not _looks_like_date(match[0]) and not (digits == 8 and match[0].isdigit()):
            return match[0].strip()
    return None


def _looks_like_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}", text.strip()) is not None


def person_name(text: str) -> str | None:
    for match in _NAME.finditer(text[:MAX_TEXT]):
        parts = match[1].split()
        if parts and parts[0].lower() not in _NOT_NAMES:
            return " ".join(parts)
    shy = _SHY_NAME.search(text[:MAX_TEXT])
    return shy[1].title() if shy else None


def company(text: str) -> str | None:
    for match in _COMPANY.finditer(text[:MAX_TEXT]):
        name = match[1].strip().rstrip(".")
        if name.split()[0].lower() not in _NOT_NAMES and name != person_name(text):
            return name
    return None


def amount(text: str) -> float | None:
    match = _AMOUNT.search(text[:MAX_TEXT])
    return float((match[1] or match[2]).replace(",", ".")) if match else None


def quantity(text: str) -> int | None:
    """How many: digits or a number word; sizes, ids, prices and phone numbers do not count."""
    cleaned = _without(text, ORDER_ID, _EMAIL, _AMOUNT, _SIZE, _TRACKING, _ID)
    number = phone(cleaned)
    cleaned = cleaned.replace(number, " ") if number else cleaned
    if match := _COUNT.search(cleaned):
        return int(match[1])
    return next(
        (_NUMBERS[word] for word in words(cleaned) if word in _NUMBERS and word not in ("zero", "pair", "one")), None
    )


def _without(text: str, *patterns: re.Pattern[str]) -> str:
    """The text with a full stop in the place of what the patterns find."""
    text = text[:MAX_TEXT]
    for pattern in patterns:
        text = pattern.sub(" . ", text)
    return text


def size(text: str) -> str | None:
    if match := _SIZE.search(text[:MAX_TEXT]):
        return match[1].upper() if len(match[1]) <= 3 else match[1][0].upper()
    match = _BARE_SIZE.search(text[:MAX_TEXT])
    return match[1] if match else None


def color(text: str) -> str | None:
    return next((word for word in words(text[:MAX_TEXT]) if word in COLORS), None)


def product(text: str) -> str | None:
    """The thing somebody wants to buy, return or ask about: the noun phrase after a verb of that kind."""
    tokens = re.findall(r"[A-Za-z][\w'-]*|\d+|[.,;:!?]", _without(text, ORDER_ID, _EMAIL, _TRACKING, _ID))
    if found := _phrase_before_stock(tokens):
        return " ".join(found)
    for index, token in enumerate(tokens):
        if token.lower() in _BUYING:
            found = _phrase_from(tokens[index + 1 : index + 14])
            if found and not all(word.lower() in _NOT_PRODUCTS for word in found):
                return " ".join(found)
    return None


def _phrase_before_stock(tokens: list[str]) -> list[str]:
    """`Stormveil jacket` of "Is the Stormveil jacket in stock?"."""
    lower = [token.lower() for token in tokens]
    for index, word in enumerate(lower):
        end = index - 1 if word == "stock" and index and lower[index - 1] == "in" else index
        if word == "available" or end < index:
            start = end
            while start > max(0, end - 6) and lower[start - 1] not in _AFTER_PRODUCT and lower[start - 1].isalnum():
                start -= 1
            return _phrase_from(tokens[start:end])
    return []


def _phrase_from(tokens: list[str]) -> list[str]:
    """The first words that can name a product; numbers, sizes, colours and articles before it are skipped."""
    found: list[str] = []
    skipping = True
    for position, token in enumerate(tokens):
        word = token.lower()
        if skipping and position > 0 and tokens[position - 1].lower() == "size":
            continue
        before = word in _BEFORE_PRODUCT or word in COLORS or word in _NUMBERS or token.isdigit()
        if skipping and (before or token in ("XS", "S", "M", "L", "XL", "XXL")):
            continue
        skipping = False
        if token.isdigit() and tokens[position + 1 : position + 2] and tokens[position + 1][0].isalpha():
            found.append(token)  # "Skylark 4 tent"
            continue
        if not token[0].isalpha() or word in _AFTER_PRODUCT or word in _NOT_PRODUCTS or len(found) == 5:
            break
        found.append(token)
    return found


def interest(text: str) -> str | None:
    """What somebody is interested in, in their own words."""
    match = re.search(
        r"\b(?:interested in|looking for|quote for|need|would like|information about|talk about|buy)\s"
        r"([^.!?\n]{3,160})",
        text[:MAX_TEXT],
        re.IGNORECASE,
    )
    return shorten(match[1], 120) if match else None
