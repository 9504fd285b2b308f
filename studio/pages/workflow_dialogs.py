"""How the dialogs of the workflow list look."""

from __future__ import annotations

import reflex as rx

from studio.components.dialogs import dialog, foot
from studio.components.parts import button, note
from studio.pages.workflow_forms import WorkflowForms

# Reads the chosen file as text; the callback gets it exactly as it is, line ends included.
READ_FILE = (
    "(async () => { const field = document.getElementById('import-file'); const file = field.files[0];"
    " if (!file) return ''; if (file.size > 1000000) return 'x'.repeat(1000001);"
    " const bytes = await file.arrayBuffer(); field.value = '';"
    " return new TextDecoder('utf-8', {ignoreBOM: true}).decode(bytes); })()"
)


def new_dialog() -> rx.Component:
    return dialog(
        rx.form(
            rx.el.label("Name", html_for="new-name", class_name="caption"),
            rx.el.div(
                rx.el.input(
                    id="new-name",
                    name="name",
                    placeholder="refund_requests",
                    max_length=64,
                    auto_focus=True,
                    auto_complete="off",
                    spell_check=False,
                    class_name="mono",
                ),
                class_name=rx.cond(WorkflowForms.fault != "", "field invalid", "field"),
            ),
            fault_line("Small letters, digits, _ and -. It stands in addresses and in files."),
            rx.el.div("Start from", class_name="caption", style={"margin": "12px 0 4px"}),
            rx.el.div(
                template_option("", "Blank", "Start, one model step, end: an assistant that answers."),
                rx.foreach(WorkflowForms.templates, lambda t: template_option(t["name"], t["name"], t["description"])),
                class_name="options",
                role="radiogroup",
                aria_label="Start from",
            ),
            foot(button("Create workflow", kind="primary", type="submit"), on_cancel=WorkflowForms.close),
            on_submit=WorkflowForms.create,
        ),
        title="New workflow",
        text="A workflow is a YAML file that you can draw. It stays a draft until you publish a version.",
        opened=WorkflowForms.opened == "new",
        on_close=WorkflowForms.close,
        width="520px",
    )


def template_option(value: str | rx.Var[str], title: str | rx.Var[str], text: str | rx.Var[str]) -> rx.Component:
    chosen = WorkflowForms.template == value
    return rx.el.button(
        rx.el.b(title),
        rx.el.small(text),
        type="button",
        role="radio",
        aria_checked=chosen,
        class_name=rx.cond(chosen, "option on", "option"),
        on_click=WorkflowForms.choose_template(value),
    )


def fault_line(hint: str) -> rx.Component:
    return rx.el.div(
        rx.cond(WorkflowForms.fault != "", WorkflowForms.fault, hint),
        class_name=rx.cond(WorkflowForms.fault != "", "hint bad", "hint"),
        role="status",
    )


def import_dialog() -> rx.Component:
    return dialog(
        rx.el.div(
            rx.el.input(
                id="import-file",
                type="file",
                accept=".yaml,.yml,text/yaml",
                class_name="sr-only",
                aria_label="YAML file",
                on_change=rx.call_script(READ_FILE, callback=WorkflowForms.read_file),
            ),
            button(
                "Choose a file",
                icon="file_up",
                on_click=rx.call_script("document.getElementById('import-file').click()"),
            ),
            rx.el.span("or paste the text", class_name="caption"),
            class_name="row",
            style={"margin_bottom": "8px"},
        ),
        rx.el.div(
            rx.debounce_input(
                rx.el.textarea(
                    value=WorkflowForms.text,
                    on_change=WorkflowForms.type_text,
                    placeholder='name: "my_workflow"\nversion: "1.0.0"\n…',
                    id="import-text",
                    aria_label="YAML text",
                    spell_check=False,
                    max_length=1_000_000,
                ),
                debounce_timeout=300,
            ),
            class_name="field area",
        ),
        import_report(),
        foot(
            button(
                "Import workflow",
                kind="primary",
                disabled=WorkflowForms.found_name == "",
                on_click=WorkflowForms.import_text,
            ),
            on_cancel=WorkflowForms.close,
        ),
        title="Import a workflow",
        text="The text is kept byte for byte, comments and all, as a draft. Nothing in it runs by being imported.",
        opened=WorkflowForms.opened == "import",
        on_close=WorkflowForms.close,
        width="640px",
    )


def import_report() -> rx.Component:
    """What was found in the text: its name, and each problem at its place."""
    good = note(rx.el.b(WorkflowForms.found_name, class_name="mono"), " with ", WorkflowForms.found_nodes)
    return rx.el.div(
        rx.cond(WorkflowForms.fault != "", note(WorkflowForms.fault, kind="error")),
        rx.cond((WorkflowForms.found_name != "") & (WorkflowForms.fault == ""), good),
        rx.cond(
            WorkflowForms.problems.length() > 0,
            rx.el.ul(rx.foreach(WorkflowForms.problems, problem_line), class_name="problems"),
        ),
        class_name="import-report",
        aria_live="polite",
    )


def problem_line(problem: rx.Var[dict[str, str]]) -> rx.Component:
    return rx.el.li(
        rx.match(
            problem["severity"],
            ("error", rx.icon("circle_alert", size=14, color="var(--red)")),
            ("warning", rx.icon("triangle_alert", size=14, color="var(--amber)")),
            rx.icon("info", size=14, color="var(--mut)"),
        ),
        rx.el.span(problem["place"], class_name="mono mut"),
        rx.el.span(problem["message"], class_name="grow"),
        rx.el.span(problem["code"], class_name="mono mut"),
    )
