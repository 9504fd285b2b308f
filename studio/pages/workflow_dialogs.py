"""How the dialogs of the workflow list look."""

from __future__ import annotations

from typing import Any

import reflex as rx

from studio.components.behaviour import fault_focus, typed
from studio.components.dialogs import dialog, foot
from studio.components.parts import button, field_attributes, labelled, note, option
from studio.pages.dialog_forms import is_open, problem, wrong_with
from studio.pages.workflow_bulk import SEND_FILES
from studio.pages.workflow_forms import WorkflowForms
from studio.services.templates import picture
from studio.services.workflow_files import MAX_TEXT

# Reads the chosen or dropped file; the callback gets its text exactly as it is, line ends included. Several files, or a
# ZIP file, are looked into by the server (workflow_bulk.py).
READ_FILE = (
    "(async () => { const field = document.getElementById('import-file'); const file = field.files[0];"
    " if (!file) return {name: '', text: ''};"
    " if (field.files.length > 1 || /\\.zip$/i.test(file.name)) {"
    f" window.heddleFiles = [...field.files]; field.value = ''; return await {SEND_FILES}('check=true'); }}"
    " if (file.size > 1000000) return {name: file.name, text: 'x'.repeat(1000001)};"
    " const bytes = await file.arrayBuffer(); field.value = '';"
    " return {name: file.name, text: new TextDecoder('utf-8', {ignoreBOM: true}).decode(bytes)}; })()"
)

# Of a chosen folder, or of what was let go over the page (behaviour.py), what may belong to a workflow.
READ_FOLDER = (
    "(async () => { const field = document.getElementById('import-folder');"
    " const given = window.heddleFolder ?? [...field.files]; window.heddleFolder = null;"
    " window.heddleFiles = given.filter((file) => /\\.(ya?ml|json)$/i.test(file.name)"
    " && !/(^|\\/)\\.git\\//.test(file.webkitRelativePath)); field.value = '';"
    " if (!window.heddleFiles.length) return {fault: 'There is no workflow in this folder.'};"
    f" return await {SEND_FILES}('check=true'); }})()"
)

BLANK = {
    "name": "",
    "description": "An assistant that answers.",
    "size": "3 nodes",
    "needs": "a model",
    "picture": picture([(0, 0), (0, 140), (0, 280)], [(0, 1), (1, 2)]),
}


def new_dialog() -> rx.Component:
    return dialog(
        rx.el.form(
            labelled(
                "name",
                "Name",
                name_input("name", placeholder="refund_requests", auto_focus=True, auto_complete="off"),
                wrong=wrong_with(WorkflowForms, "name"),
                hint="Small letters, digits, _ and -. It stands in addresses and in files.",
            ),
            rx.el.div("Start from", class_name="caption start-from"),
            rx.el.div(
                template_option(BLANK),
                rx.foreach(WorkflowForms.templates, template_option),
                class_name="gallery",
                role="radiogroup",
                aria_label="Start from",
            ),
            problem(WorkflowForms),
            foot(button("Create workflow", kind="primary", type="submit"), on_cancel=WorkflowForms.close),
            id="new-workflow",
            no_validate=True,
            on_submit=WorkflowForms.create,
        ),
        fault_focus(form_id="new-workflow", attempts=WorkflowForms.attempts),
        title="New workflow",
        text="A workflow is a YAML file that you can draw. It stays a draft until you publish a version.",
        opened=is_open(WorkflowForms, "new"),
        on_close=WorkflowForms.close,
        width="720px",
    )


def name_input(name: str, **props: Any) -> rx.Component:
    """Where a workflow's name is typed; what is wrong with it stands beneath."""
    bound = field_attributes(name, wrong_with(WorkflowForms, "name"))
    return rx.el.input(max_length=64, spell_check=False, class_name="mono", **bound, **props)


def template_option(one: dict[str, str] | rx.Var[dict[str, str]]) -> rx.Component:
    chosen = WorkflowForms.template == one["name"]
    return rx.el.button(
        rx.el.span(class_name="picture", style={"mask_image": one["picture"]}, aria_hidden="true"),
        rx.el.b(rx.cond(one["name"] == "", "Blank", one["name"])),
        rx.el.small(one["description"], title=one["description"]),
        rx.el.span(one["size"], rx.cond(one["needs"] == "", "", " · needs " + one["needs"]), class_name="caption"),
        type="button",
        role="radio",
        aria_checked=chosen,
        class_name=rx.cond(chosen, "template on", "template"),
        on_click=WorkflowForms.choose_template(one["name"]),
    )


def import_dialog() -> rx.Component:
    return dialog(
        rx.el.div(
            rx.icon("file_up", size=16),
            rx.el.span(
                rx.cond(WorkflowForms.filename != "", WorkflowForms.filename, "Drop files here, or choose some"),
                class_name="grow",
            ),
            rx.el.span("Heddle, n8n, Dify, Langflow, Flowise; ZIP", class_name="caption"),
            rx.el.input(
                id="import-file",
                type="file",
                accept=".yaml,.yml,.json,.zip,text/yaml,application/json,application/zip",
                multiple=True,
                aria_label="Workflow file",
                on_change=rx.call_script(READ_FILE, callback=WorkflowForms.read_file),
            ),
            class_name="drop-zone",
        ),
        rx.el.label(
            rx.icon("folder_up", size=14),
            "Or choose a folder, as it was exported",
            rx.el.input(
                id="import-folder",
                type="file",
                multiple=True,
                custom_attrs={"webkitdirectory": ""},
                aria_label="Folder of workflows",
                class_name="sr-only",
                on_change=rx.call_script(READ_FOLDER, callback=WorkflowForms.read_file),
            ),
            class_name="hint folder-choice",
        ),
        rx.el.div(
            rx.el.textarea(
                placeholder='or paste the text: name: "my_workflow" …',
                id="import-text",
                aria_label="Text of the file",
                spell_check=False,
                max_length=MAX_TEXT,
            ),
            typed(field_id="import-text", value=WorkflowForms.text, on_type=WorkflowForms.type_text),
            class_name="field area",
        ),
        import_report(),
        rx.el.div(
            rx.cond(WorkflowForms.taken & (WorkflowForms.fault == ""), taken_choice()),
            foot(
                button(
                    "Import workflow",
                    kind="primary",
                    why_not=rx.cond(WorkflowForms.found_name == "", "Choose a file or paste its text first.", ""),
                    on_click=WorkflowForms.import_text,
                ),
                on_cancel=WorkflowForms.close,
            ),
            id="import-as",
        ),
        fault_focus(form_id="import-as", attempts=WorkflowForms.attempts),
        title="Import a workflow",
        text="It becomes a draft; ours is kept byte for byte. Nothing in it runs or calls anything by being imported.",
        opened=is_open(WorkflowForms, "import"),
        on_close=WorkflowForms.close,
        width="640px",
    )


def taken_choice() -> rx.Component:
    """What is to become of a file whose name is there already."""
    field = name_input("new-name", value=WorkflowForms.new_name, on_change=WorkflowForms.type_name)
    named = labelled("new-name", "New name", field, wrong=wrong_with(WorkflowForms, "name"))
    return rx.el.div(
        rx.el.div("There is a workflow of this name", class_name="caption start-from"),
        rx.el.div(
            way_option("copy", "Keep both", "The imported one gets the name below."),
            rx.cond(
                WorkflowForms.replaceable,
                way_option("replace", "Replace its draft", "Its versions and its layout stay; it can be undone."),
            ),
            class_name="options",
            role="radiogroup",
            aria_label="There is a workflow of this name",
        ),
        rx.cond(WorkflowForms.way == "copy", rx.el.div(named, class_name="beside-options")),
    )


def way_option(value: str, title: str, text: str) -> rx.Component:
    chosen = WorkflowForms.way == value
    return option(rx.el.b(title), rx.el.small(text), chosen=chosen, on_click=WorkflowForms.choose_way(value))


def import_report() -> rx.Component:
    """What was found in the text: its name, and each problem at its place."""
    ours = note(rx.el.b(WorkflowForms.found_name, class_name="mono"), " with ", WorkflowForms.found_nodes)
    theirs = note(
        "A workflow of ", rx.el.b(WorkflowForms.foreign), ": ", WorkflowForms.found_nodes, ", ", WorkflowForms.summary
    )
    good = rx.cond(WorkflowForms.foreign != "", theirs, ours)
    return rx.el.div(
        problem(WorkflowForms),
        rx.cond((WorkflowForms.found_name != "") & (WorkflowForms.fault == ""), good),
        rx.cond(
            WorkflowForms.problems.length() > 0,
            rx.el.ul(rx.foreach(WorkflowForms.problems, problem_line), class_name="problems"),
        ),
        rx.cond(
            WorkflowForms.losses.length() > 0,
            rx.el.ul(rx.foreach(WorkflowForms.losses, loss_line), class_name="problems losses"),
        ),
        class_name="import-report",
        aria_live="polite",
    )


def problem_line(problem: rx.Var[dict[str, str]]) -> rx.Component:
    return rx.el.li(
        _weight_icon(problem["severity"], worst="error", bad="warning"),
        rx.el.span(problem["place"], class_name="mono mut"),
        rx.el.span(problem["message"], class_name="grow"),
        rx.el.span(problem["code"], class_name="mono mut"),
    )


def _weight_icon(weight: rx.Var[str], *, worst: str, bad: str) -> rx.Component:
    return rx.match(
        weight,
        (worst, rx.icon("circle_alert", size=14, class_name="is-red")),
        (bad, rx.icon("triangle_alert", size=14, class_name="is-amber")),
        rx.icon("info", size=14, class_name="is-mut"),
    )


def report_dialog() -> rx.Component:
    """After an import from another studio: what was lost, each with a link to its node on the canvas."""
    return dialog(
        note(rx.el.b(WorkflowForms.imported, class_name="mono"), " is a draft now: ", WorkflowForms.summary),
        rx.el.ul(rx.foreach(WorkflowForms.losses, loss_line), class_name="problems losses tall"),
        rx.el.div(
            button("Close", on_click=WorkflowForms.close),
            button("Open workflow", kind="primary", on_click=WorkflowForms.open_imported),
            class_name="dialog-foot",
        ),
        title="What became of it",
        text="Look at these before you publish; each leads to its node. The list stays with the workflow.",
        opened=is_open(WorkflowForms, "report"),
        on_close=WorkflowForms.close,
        width="680px",
    )


def loss_line(loss: rx.Var[dict[str, str]]) -> rx.Component:
    """One node of the report. Once the draft is there, its name leads to the node on the canvas."""
    name = rx.cond(
        (WorkflowForms.imported != "") & (loss["node"] != ""),
        rx.el.a(loss["name"], href=f"/app/workflows/{WorkflowForms.imported}#node={loss['node']}"),
        rx.el.b(loss["name"]),
    )
    return rx.el.li(
        _weight_icon(loss["outcome"], worst="unsupported", bad="approximated"),
        rx.el.span(name, " ", rx.el.span(loss["type"], class_name="mono mut"), class_name="loss-name"),
        rx.el.span(loss["text"], class_name="grow"),
        title=loss["outcome"],
    )
