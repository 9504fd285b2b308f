"""Which converter takes which type of n8n's own nodes. Apps are in apps.py."""

from __future__ import annotations

from collections.abc import Mapping

from engine.importers.n8n import agents, batches, data, http, logic, programs, texts, vendors
from engine.importers.n8n.file import Item
from engine.importers.n8n.job import Converter

_BASE: Mapping[str, Converter] = {
    "if": logic.if_,
    "filter": logic.filter_,
    "switch": logic.switch,
    "set": logic.set_,
    "noOp": logic.nothing,
    "code": logic.code,
    "function": logic.code,
    "functionItem": logic.code,
    "wait": logic.wait,
    "merge": logic.merge,
    "stopAndError": logic.stop,
    "respondToWebhook": logic.respond,
    "executeWorkflow": logic.sub_workflow,
    "splitOut": logic.split_out,
    "aggregate": logic.aggregate,
    "renameKeys": logic.rename,
    "splitInBatches": batches.loop,
    "httpRequest": http.http_request,
    "httpRequestTool": http.http_request,
    "stickyNote": data.note,
    "form": data.form,
    "itemLists": data.item_lists,
    "limit": programs.limit,
    "sort": programs.sort,
    "removeDuplicates": programs.unique,
    "summarize": programs.summarize,
    "dateTime": programs.date_time,
    "crypto": programs.crypto,
    "xml": programs.xml,
    "html": texts.html,
    "htmlExtract": texts.html,
    "markdown": texts.markdown,
    "extractFromFile": texts.extract,
    "spreadsheetFile": texts.extract,
    "convertToFile": texts.convert,
    "moveBinaryData": texts.move_binary,
    "aiTransform": logic.code,
    "openAi": vendors.vendor,
    "perplexity": vendors.vendor,
    "evaluation": texts.measure,
    "timeSaved": texts.measure,
    "kafka": texts.publish,
    "rabbitmq": texts.publish,
    "mqtt": texts.publish,
    "amqp": texts.publish,
    "emailSend": data.email,
    "emailSendTool": data.email,
    "postgres": data.sql,
    "postgresTool": data.sql,
    "timescaleDb": data.sql,
    "crateDb": data.sql,
    "questDb": data.sql,
    "redis": data.redis,
    "redisTool": data.redis,
    "rssFeedRead": data.rss,
    "rssFeedReadTool": data.rss,
    "graphql": data.graphql,
    "executionData": logic.nothing,
}
_LANGCHAIN: Mapping[str, Converter] = {
    **dict.fromkeys(agents.AGENTS, agents.agent),
    **dict.fromkeys(agents.VENDORS, vendors.vendor),
    "informationExtractor": agents.extractor,
    "textClassifier": agents.classifier,
    "sentimentAnalysis": agents.sentiment,
    "guardrails": data.guardrails,
    "toolHttpRequest": http.http_request,
    "chat": data.chat,
    "code": logic.code,
    "mcpClient": texts.mcp_call,
}


def find(item: Item) -> Converter | None:
    if item.is_langchain:
        if item.kind.startswith(("vectorStore", "retriever")):
            return data.vector_store
        return _LANGCHAIN.get(item.kind)
    return (
        _BASE.get(item.kind) if item.type.startswith(("n8n-nodes-base.", "CUSTOM.")) or "." not in item.type else None
    )
