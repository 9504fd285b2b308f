// Widget name (from the config model, see engine/language/node_types.py) -> component. Each takes {id, value, field, save,
// readOnly}; `save(undefined)` takes the value out of the file.
import { ChoicesInput, ListInput, ObjectsInput } from "./widgets_list.jsx";
import { ComboInput, CredentialInput, ModelInput, NodeInput, Select, Switch, ToolInput, ToolsInput, WorkflowInput } from "./widgets_pick.jsx";
import { SchemaInput } from "./widgets_schema.jsx";
import { AnyInput, CodeInput, ExpressionInput, JsonInput, NumberInput, PromptInput, TextArea, TextInput } from "./widgets_text.jsx";
import { KeyValue } from "./widgets_values.jsx";

export { JsonInput, NumberInput };

export const WIDGETS = {
  text: TextInput, textarea: TextArea, prompt: PromptInput, code: CodeInput, expression: ExpressionInput, value: AnyInput, json: JsonInput,
  number: NumberInput, slider: NumberInput, switch: Switch,
  select: Select, combo: ComboInput, model: ModelInput, tool: ToolInput, tools: ToolsInput, workflow: WorkflowInput, node: NodeInput, credential: CredentialInput,
  key_value: KeyValue, list: ListInput, choices: ChoicesInput, objects: ObjectsInput, schema: SchemaInput,
};
