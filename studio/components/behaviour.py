"""Components without looks: a ticker that pauses while the tab is hidden, what is typed, the way to a field to mend,
keys, what a form keeps, files that are dropped."""

from __future__ import annotations

import re
from typing import Any, ClassVar, cast

import reflex as rx
from reflex.components.base.fragment import Fragment
from reflex.event import no_args_event_spec, passthrough_event_spec
from reflex_base.components.memoize_helpers import get_memoized_event_triggers
from reflex_base.utils.imports import ImportDict

TYPING_RESTS_MS = 200


class Ticker(Fragment):
    """Calls `on_tick` every `every_ms` while the page is visible, and at once when it becomes visible again.

    It lives in the browser, so it ends with the page: no loop on the server outlives its tab.
    """

    every_ms: rx.Var[int]
    on_tick: rx.EventHandler[no_args_event_spec]

    @classmethod
    def create(cls, *children: Any, **props: Any) -> Ticker:
        made = cast(Ticker, super().create(*children, **props))
        made.event_triggers = {**made.event_triggers, **(get_memoized_event_triggers(made) or {})}
        return made

    def _exclude_props(self) -> list[str]:
        return [*super()._exclude_props(), "every_ms", *self.event_triggers.keys()]

    def add_imports(self) -> ImportDict:
        return {"react": [rx.ImportVar(tag="useEffect")]}

    def add_hooks(self) -> list[str | rx.Var[Any]]:
        tick = rx.Var.create(self.event_triggers["on_tick"])
        code = f"""
useEffect(() => {{
  const every = {self.every_ms};
  if (!every) return;
  const tick = {tick};
  const beat = () => {{ if (!document.hidden) tick(); }};
  const timer = setInterval(beat, every);
  document.addEventListener('visibilitychange', beat);
  return () => {{ clearInterval(timer); document.removeEventListener('visibilitychange', beat); }};
}}, [{self.every_ms}]);
"""
        return [rx.Var(code, _var_data=rx.Var.create(self.every_ms)._get_all_var_data())]


class Typed(Fragment):
    """Calls `on_type` with what was typed into the field `field_id`: once typing rests, on Enter, on leaving the field.

    What stands in the field is its person's: an answer to what they typed first does not take away what they typed
    since. Only a `value` that is no such answer (from an address, from a button that clears it) is put into the field.
    """

    field_id: rx.Var[str]
    value: rx.Var[str]
    on_type: rx.EventHandler[passthrough_event_spec(str)]

    @classmethod
    def create(cls, *children: Any, **props: Any) -> Typed:
        made = cast(Typed, super().create(*children, **props))
        made.event_triggers = {**made.event_triggers, **(get_memoized_event_triggers(made) or {})}
        return made

    def _exclude_props(self) -> list[str]:
        return [*super()._exclude_props(), "field_id", "value", *self.event_triggers.keys()]

    def add_imports(self) -> ImportDict:
        return {"react": [rx.ImportVar(tag="useEffect"), rx.ImportVar(tag="useRef")]}

    def add_hooks(self) -> list[str | rx.Var[Any]]:
        on_type = rx.Var.create(self.event_triggers["on_type"])
        kept = re.sub(r"\W", "_", f"typed_{self.field_id}")  # a page may have several
        code = f"""
const {kept} = useRef({{ timer: null, sent: [], held: '' }});
useEffect(() => {{
  const field = document.getElementById({self.field_id});
  if (!field) return;
  const state = {kept}.current;
  const send = () => {{
    clearTimeout(state.timer);
    state.timer = null;
    if (!state.sent.length && field.value === state.held) return;
    state.sent.push(field.value);
    ({on_type})(field.value);
  }};
  const onInput = () => {{
    clearTimeout(state.timer);
    state.timer = setTimeout(send, {TYPING_RESTS_MS});
  }};
  const now = () => {{ if (state.timer) send(); }};
  const onKey = (event) => {{ if (event.key === 'Enter') now(); }};
  field.addEventListener('input', onInput);
  field.addEventListener('blur', now);
  field.addEventListener('keydown', onKey);
  return () => {{
    clearTimeout(state.timer);
    field.removeEventListener('input', onInput);
    field.removeEventListener('blur', now);
    field.removeEventListener('keydown', onKey);
  }};
}}, []);
useEffect(() => {{
  const field = document.getElementById({self.field_id});
  const state = {kept}.current;
  state.held = {self.value};
  const answered = state.sent.indexOf(state.held);
  if (answered >= 0) state.sent.splice(0, answered + 1);
  else if (field && !state.timer) {{
    state.sent = [];
    field.value = state.held;
  }}
}}, [{self.value}]);
"""
        data = rx.Var.create(self.value)._get_all_var_data()
        return [rx.Var(code, _var_data=data)]


class FaultFocus(Fragment):
    """Leads to the first field to mend of the form `form_id`, in the moment in which the page says what is wrong.

    `attempts` counts how often the form was looked through; the same fault once more would change nothing on the page.
    It leads those who still are where they sent the form from. Who went on to another field meanwhile writes on there.
    """

    form_id: rx.Var[str]
    attempts: rx.Var[int]

    def _exclude_props(self) -> list[str]:
        return [*super()._exclude_props(), "form_id", "attempts"]

    def add_imports(self) -> ImportDict:
        return {"react": [rx.ImportVar(tag=tag) for tag in ("useEffect", "useLayoutEffect", "useRef")]}

    def add_hooks(self) -> list[str | rx.Var[Any]]:
        kept = re.sub(r"\W", "_", f"sent_from_{self.form_id}")  # a page may have several
        code = f"""
const {kept} = useRef(null);
useEffect(() => {{
  const onClick = (event) => {{ // Enter in a field presses the form's button, too
    if (event.target.closest?.('#' + {self.form_id} + ' button')) {kept}.current = document.activeElement;
  }};
  document.addEventListener('click', onClick, true);
  return () => document.removeEventListener('click', onClick, true);
}}, []);
useLayoutEffect(() => {{
  const field = document.getElementById({self.form_id})?.querySelector('[aria-invalid=true]');
  const from = {kept}.current;
  if (!field || !from) return;
  {kept}.current = null;
  if ([from, document.body].includes(document.activeElement)) field.focus();
}}, [{self.attempts}]);
"""
        return [rx.Var(code, _var_data=rx.Var.create(self.attempts)._get_all_var_data())]


class _WhileShown(Fragment):
    """Runs `code` once the page is drawn; the function that it returns runs when the page is left."""

    code: ClassVar[str]

    def add_imports(self) -> ImportDict:
        return {"react": [rx.ImportVar(tag="useEffect")]}

    def add_hooks(self) -> list[str | rx.Var[Any]]:
        return [f"useEffect(() => {{{self.code}}}, []);"]


class SearchKey(_WhileShown):
    """`/` goes to the page's search field (unless one is typing), Esc leaves it."""

    code: ClassVar[str] = """
  const onKey = (event) => {
    const field = document.getElementById('search');
    if (!field || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest?.('input, textarea, select, [contenteditable], [role=dialog]');
    if (event.key === '/' && !typing) { event.preventDefault(); field.focus(); field.select(); }
    else if (event.key === 'Escape' && event.target === field) field.blur();
  };
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
"""


class ArrowKeys(_WhileShown):
    """In a list of class `asks`, up and down go from button to button and press them."""

    code: ClassVar[str] = """
  const onKey = (event) => {
    const step = {ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling'}[event.key];
    const here = event.target.closest?.('.asks > button');
    if (!step || !here || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = here[step];
    if (next) { next.focus(); next.click(); }
  };
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
"""


class KeptEmail(_WhileShown):
    """Who mistyped the password need not type the e-mail address again. It stays in this tab, never in an address."""

    code: ClassVar[str] = """
  const email = document.getElementById('email');
  const key = 'heddle-email';
  const again = ['wrong', 'unavailable'].includes(new URLSearchParams(location.search).get('reason'));
  try {
    const kept = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    if (again && kept && !email.value) { email.value = kept; document.getElementById('password').focus(); }
  } catch { /* a browser that keeps nothing */ }
  const keep = () => { try { sessionStorage.setItem(key, email.value); } catch { /* the same */ } };
  email.form.addEventListener('submit', keep);
  return () => email.form?.removeEventListener('submit', keep);
"""


class WayOn(_WhileShown):
    """Who was led to the sign-in page goes on where they wanted to: the field `#next` has it from the address.

    The server would say it too, but a password that is filled in by itself is sent before a slow line brings that.
    """

    code: ClassVar[str] = """
  const next = new URLSearchParams(location.search).get('next');
  if (next) document.getElementById('next').value = next;
"""


class FileDrop(_WhileShown):
    """Files that are let go anywhere over the page go into `#import-file`; where there is none yet, `#import` is
    pressed first. Without this the browser would leave the page for the file. Of folders, all that lies within is read
    and handed to `#import-folder` as `window.heddleFolder`, with paths as a chosen folder has them."""

    code: ClassVar[str] = """
  const MOST = 5000; // entries of folders; more are no export
  const field = () => document.getElementById('import-file');
  const isOurs = (event) => event.dataTransfer?.types.includes('Files');
  const fileOf = (entry) => new Promise((found, lost) => entry.file(found, lost));
  const partOf = (reader) => new Promise((found, lost) => reader.readEntries(found, lost));
  const within = async (entries) => {
    const files = [];
    const waiting = [...entries];
    for (let n = 0; waiting.length && n < MOST; n += 1) {
      const entry = waiting.shift();
      if (entry.isFile) {
        const file = await fileOf(entry).catch(() => null);
        if (file) files.push(Object.defineProperty(file, 'webkitRelativePath', {value: entry.fullPath.slice(1)}));
      } else if (entry.name !== '.git') {
        const reader = entry.createReader();
        for (let part = await partOf(reader); part.length; part = await partOf(reader)) waiting.push(...part);
      }
    }
    return files;
  };
  const onOver = (event) => { if (isOurs(event)) event.preventDefault(); };
  const onDrop = async (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const given = new DataTransfer();
    for (const file of event.dataTransfer.files) given.items.add(file);
    const folder = entries.some((entry) => entry.isDirectory) ? await within(entries).catch(() => []) : null;
    if (!field()) document.getElementById('import')?.click();
    for (let n = 0; n < 60 && !field(); n += 1) await new Promise((later) => setTimeout(later, 50));
    if (!field()) return;
    if (folder) {
      window.heddleFolder = folder;
      document.getElementById('import-folder').dispatchEvent(new Event('change', {bubbles: true}));
      return;
    }
    field().files = given.files;
    field().dispatchEvent(new Event('change', {bubbles: true}));
  };
  window.addEventListener('dragover', onOver);
  window.addEventListener('drop', onDrop);
  return () => {
    window.removeEventListener('dragover', onOver);
    window.removeEventListener('drop', onDrop);
  };
"""


ticker = Ticker.create
typed = Typed.create
fault_focus = FaultFocus.create
file_drop = FileDrop.create
kept_email = KeptEmail.create
way_on = WayOn.create
arrow_keys = ArrowKeys.create
search_key = SearchKey.create
