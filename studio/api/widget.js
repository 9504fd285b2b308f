// Embeds a published chat: <script src="https://host/widget.js" data-chat="tenant/path" async></script>
(() => {
  "use strict";
  const script = document.currentScript;
  const chat = script && script.dataset.chat;
  if (!chat || !/^[\w-]+\/[\w./-]+$/.test(chat)) {
    console.error("heddle: data-chat must be tenant/path");
    return;
  }
  const source = new URL("/c/" + chat, script.src).href;
  const color = script.dataset.color || "#3e63dd";
  const side = script.dataset.side === "left" ? "left" : "right";

  const frame = document.createElement("iframe");
  frame.title = "Chat";
  frame.hidden = true;
  Object.assign(frame.style, {
    position: "fixed", bottom: "84px", [side]: "20px", width: "min(380px, calc(100vw - 40px))",
    height: "min(560px, calc(100vh - 110px))", border: "1px solid #0002", borderRadius: "12px",
    boxShadow: "0 8px 30px #0003", zIndex: "2147483000", background: "#fff",
  });

  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-label", "Open chat");
  button.innerHTML = '<svg width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
    + 'stroke-linejoin="round" aria-hidden="true"><path d="M21 15a2 2 0 0 1-2 2H7l-4 4V5a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2z"/></svg>';
  Object.assign(button.style, {
    position: "fixed", bottom: "20px", [side]: "20px", width: "52px", height: "52px", borderRadius: "50%", border: "0",
    cursor: "pointer", background: color, color: "#fff", display: "grid", placeItems: "center",
    boxShadow: "0 4px 14px #0004", zIndex: "2147483000",
  });
  button.addEventListener("click", () => {
    if (!frame.src) frame.src = source;  // nothing is loaded before somebody asks for it
    frame.hidden = !frame.hidden;
    button.setAttribute("aria-expanded", String(!frame.hidden));
    button.setAttribute("aria-label", frame.hidden ? "Open chat" : "Close chat");
  });
  document.body.append(frame, button);
})();
