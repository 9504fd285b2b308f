// The chat preview: it runs the draft, one run a message, in one conversation.
import { useEffect, useRef, useState } from "react";
import { CircleX, CornerDownLeft, LoaderCircle, Pause } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { Button } from "../frame/controls.jsx";
import { DataBlock } from "../inspector/data_view.jsx";

export function Chat() {
  const session = useSession();
  const messages = useValue((s) => s.chat);
  const greeting = useValue((s) => s.graph?.top?.greeting);
  const end = useRef(null);
  useEffect(() => void end.current?.scrollIntoView({ block: "end" }), [messages]);
  return (
    <div className="hed-chat" data-testid="chat">
      <div className="log" aria-live="polite">
        {!messages.length && (greeting
          ? <div className="it">{greeting}</div>
          : <p className="hed-hint">Write as a customer would. The draft runs as it is saved, and its nodes light up.</p>)}
        {messages.map((message, i) => <Bubble key={i} message={message} />)}
        <div ref={end} />
      </div>
      <Composer session={session} />
    </div>
  );
}

// What is asked about several calls of the same tool reads the same: once, and how often.
function asked(all) {
  const times = (one) => all.filter((other) => other === one).length;
  return [...new Set(all)].map((one) => (times(one) > 1 ? `${one} (${times(one)}×)` : one)).join(" ");
}

function Bubble({ message }) {
  if (message.role === "user") return <div className="me">{message.text}</div>;
  if (message.pending && message.asks?.length) {
    return (
      <div className="it asks" role="status" data-testid="chat-waits">
        <Pause size={13} />
        <span><b>Waits for a person.</b> {asked(message.asks)} <a className="hed-link" href={`/app/runs/${message.run_id}`} target="_blank" rel="noreferrer">{message.asks.length > 1 ? "Answer them" : "Answer it"}</a></span>
      </div>
    );
  }
  if (message.pending && !message.text) return <div className="it wait" aria-label="Working"><LoaderCircle size={14} className="hed-spin" /></div>;
  if (message.error) return <Failure message={message} />;
  if (message.text == null) return <div className="it"><DataBlock title="Output" value={message.output} /></div>;
  return <div className={`it ${message.pending ? "typing" : ""}`} data-testid={message.pending ? undefined : "reply"}>{message.text}</div>;
}

// A chat gives a message only: what else the workflow asks for is filled in beside it.
function Failure({ message }) {
  const session = useSession();
  const fillIn = () => session.set({ drawer: { tab: "input", open: true } });
  return (
    <div className="it bad" role="alert">
      <CircleX size={14} /> <span>{message.text} {message.wantsInput && <button type="button" className="hed-link" onClick={fillIn}>Fill in the input</button>}</span>
    </div>
  );
}

const NOT_ALLOWED = "Your role does not allow running workflows.";

function Composer({ session }) {
  const [text, setText] = useState("");
  const busy = useValue((s) => s.busy || Boolean(s.chat.at(-1)?.pending));
  const can = useValue((s) => s.view.can.run);
  const focus = useValue((s) => s.drawer.focus);
  const field = useRef(null);
  useEffect(() => void (focus && field.current?.focus()), [focus]);
  const why = !can ? NOT_ALLOWED : busy ? "Wait for the answer first." : text.trim() ? null : "Write a message first.";
  const send = () => {
    const message = text.trim();
    if (why) return session.say(why);
    setText("");
    return session.runs.start({ message }, { chat: true });
  };
  return (
    <form className="ci" onSubmit={(event) => { event.preventDefault(); send(); }}>
      <textarea
        ref={field} rows={1} value={text} maxLength={4000} readOnly={!can} title={can ? undefined : NOT_ALLOWED} aria-label="Message" data-testid="chat-input"
        placeholder={can ? "Write a message" : "Not for your role"}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            send();
          }
        }}
      />
      <Button className="hed-icon" type="submit" why={why} aria-label="Send" title="Send (Enter)"><CornerDownLeft size={14} /></Button>
    </form>
  );
}
