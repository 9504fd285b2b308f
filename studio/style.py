"""The look's tokens, in both themes. Everything else (assets/studio.css, components, the canvas) refers to these names.

They become CSS variables: `var(--panel)`. Colours come in pairs, light and dark; contrast of text on `--bg` and
`--panel` is AA in both.
"""

from __future__ import annotations

COLOURS: dict[str, tuple[str, str]] = {
    # surfaces and lines
    "bg": ("#fbfcfd", "#111315"),
    "panel": ("#ffffff", "#17191c"),
    "line": ("#e4e7eb", "#2a2e33"),
    "line2": ("#eef0f3", "#22262a"),
    "canvas": ("#f6f7f9", "#0f1113"),
    "dot": ("#d7dbdf", "#26292d"),
    "code": ("#fcfcfd", "#14171a"),
    "sel": ("#eef3ff", "#1b2238"),
    "hover": ("#f4f6f8", "#1c1f23"),
    # text; `faint` is for marks and placeholders, never for what must be read
    "text": ("#11181c", "#ecedee"),
    "mut": ("#646b71", "#9ba1a6"),
    "faint": ("#9ba1a6", "#6b7278"),
    # the one accent
    "accent": ("#3e63dd", "#849dff"),
    "accent-hover": ("#3a5ccc", "#93a9ff"),
    "accent-bg": ("#edf2fe", "#1c2440"),
    "on-accent": ("#ffffff", "#10131c"),
    # status
    "ok": ("#18794e", "#4cc38a"),
    "ok-bg": ("#ddf3e4", "#133929"),
    "run": ("#0081f1", "#52a9ff"),
    "run-text": ("#006adc", "#52a9ff"),
    "run-bg": ("#e6f2ff", "#0f2a45"),
    "amber": ("#ad5700", "#f1a10d"),
    "amber-bg": ("#fff4d5", "#3a2900"),
    "red": ("#cd2b31", "#ff6369"),
    "red-bg": ("#ffefef", "#3c181a"),
    "slate-bg": ("#f1f3f5", "#26292d"),
    # node groups
    "flow": ("#687076", "#8b9298"),
    "model": ("#6e56cf", "#9e8cfc"),
    "tools": ("#0d9488", "#2dd4bf"),
    "data": ("#0891b2", "#22d3ee"),
    "people": ("#d97706", "#fbbf24"),
    "msg": ("#18794e", "#4cc38a"),
    "safe": ("#cd2b31", "#ff6369"),
    # code
    "code-key": ("#3451b2", "#9eb1ff"),
    "code-text": ("#18794e", "#7ce2b0"),
    "code-number": ("#ad5700", "#f5c16c"),
    # shadows
    "shadow": ("0 1px 2px #0000000f", "0 1px 2px #00000040"),
    "shadow-pop": ("0 8px 28px #11181c24, 0 1px 4px #11181c14", "0 8px 28px #00000080, 0 1px 4px #00000060"),
}

COMMON: dict[str, str] = {
    "font": '"Inter Variable", Inter, system-ui, -apple-system, "DejaVu Sans", sans-serif',
    "mono": '"JetBrains Mono Variable", "JetBrains Mono", "DejaVu Sans Mono", monospace',
    "rail": "56px",
    "bar": "48px",
    "radius": "7px",
    "radius-card": "10px",
    "fast": "140ms ease-out",
}

# Status of runs and steps -> (colour, background, lucide icon). Never colour alone: the icon and the word go with it.
STATUS: dict[str, tuple[str, str, str]] = {
    "queued": ("mut", "slate-bg", "clock"),
    "running": ("run-text", "run-bg", "loader_circle"),
    "suspended": ("amber", "amber-bg", "pause"),
    "succeeded": ("ok", "ok-bg", "check"),
    "failed": ("red", "red-bg", "x"),
    "cancelled": ("mut", "slate-bg", "ban"),
    "skipped": ("faint", "slate-bg", "minus"),
}


def css_variables() -> str:
    """The tokens as a style sheet; it stands in the page's head, so that the first paint has the right colours."""
    light = "".join(f"--{name}:{pair[0]};" for name, pair in COLOURS.items())
    dark = "".join(f"--{name}:{pair[1]};" for name, pair in COLOURS.items())
    common = "".join(f"--{name}:{value};" for name, value in COMMON.items())
    return f":root{{{common}{light}color-scheme:light}}:root.dark{{{dark}color-scheme:dark}}"
