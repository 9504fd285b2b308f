// Publishing: before, and where the live version answers.
import { useState } from "react";
import { Check, Clock, Copy, FileText, Globe, KeyRound, MessageSquare, TriangleAlert, Webhook, Zap } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { Button } from "./controls.jsx";
import { Dialog } from "./dialog.jsx";
import { count } from "./format.js";

export function PublishDialog() {
  const session = useSession();
  const publish = useValue((s) => s.publish);
  if (!publish) return null;
  const close = () => session.set({ publish: null });
  const live = publish.addresses || publish.step === "live";
  return (
    <Dialog title={live ? `Version ${publish.number} is live` : "Publish version"} onClose={close} testid="publish-dialog">
      {live ? <Published publish={publish} close={close} /> : <PublishForm publish={publish} close={close} />}
    </Dialog>
  );
}

function PublishForm({ publish, close }) {
  const session = useSession();
  const view = useValue((s) => s.view);
  const top = useValue((s) => s.graph?.top);
  const problems = useValue((s) => s.diagnostics);
  const [note, setNote] = useState("");
  const errors = problems.filter((one) => one.severity === "error");
  const warnings = problems.length - errors.length;
  const send = async () => {
    session.set((s) => ({ publish: { ...s.publish, busy: true, error: null } }));
    try {
      await session.sync.settled();
      session.request("publish", { note });
    } catch {
      session.set((s) => ({ publish: { ...s.publish, busy: false, error: "The draft is not saved yet; resolve that first." } }));
    }
  };
  if (errors.length) {
    return (
      <>
        <p>{count(errors.length, "error")} must be mended before this draft can be published.</p>
        <div className="hed-problems boxed">
          {errors.slice(0, 6).map((one, i) => (
            <button key={i} className="error" onClick={() => { close(); session.showProblem(one); }}><TriangleAlert size={14} /><span>{one.message}</span><span className="at">{one.line}:{one.column}</span></button>
          ))}
        </div>
        <footer><button className="hed-btn" onClick={close} data-autofocus>Close</button></footer>
      </>
    );
  }
  return (
    <>
      <p>
        The draft is frozen as version {(view.latest ?? view.live?.number ?? 0) + 1} and answers from then on.
        {view.live ? ` It replaces version ${view.live.number}.` : ""}
      </p>
      <ul className="hed-ways">
        {top.addresses.map((one) => <li key={one.kind + one.path}><Way kind={one.kind} path={one.path} /></li>)}
        {top.triggers.filter((one) => one.detail && one.detail !== "off" && OTHERS[one.type]).map((one, i) => <li key={i}><OtherWay trigger={one} /></li>)}
        <li><Globe size={14} /><span>API</span><code>POST /api/v1/runs</code></li>
      </ul>
      {!top.addresses.length && <p className="mut">No chat, webhook or form trigger is named in the file, so it has no address of its own.</p>}
      {warnings > 0 && <p className="hed-error warning">{count(warnings, "warning")} in the draft; it can be published all the same.</p>}
      <label className="hed-f">
        <span>What changed (optional)</span>
        <input className="hed-in" value={note} maxLength={500} data-autofocus onChange={(event) => setNote(event.target.value)} onKeyDown={(event) => event.key === "Enter" && !publish.busy && send()} data-testid="publish-note" />
      </label>
      {publish.error && <p className="hed-error error" role="alert">{publish.error}</p>}
      <footer>
        <button className="hed-btn" onClick={close}>Cancel</button>
        <Button className="hed-btn primary" onClick={send} why={publish.busy ? "It is being published." : null} data-testid="publish-confirm">{publish.busy ? "Publishing…" : "Publish version"}</Button>
      </footer>
    </>
  );
}

function Published({ publish, close }) {
  const { addresses, error } = publish;
  return (
    <>
      {addresses?.map((one) => <Address key={one.kind + one.path} address={one} busy={publish.busy} />)}
      {!addresses && !error && <span className="hed-bone" style={{ height: 150 }} />}
      {addresses?.length === 0 && <p>Start it with <code>POST /api/v1/runs</code> and an API key, or from another workflow.</p>}
      {error && <p className="hed-error error" role="alert">{error}</p>}
      <footer><button className="hed-btn primary" onClick={close} data-autofocus>Done</button></footer>
    </>
  );
}

const WAYS = {
  chat: { title: "Chat", place: "/c", icon: MessageSquare },
  webhook: { title: "Webhook", place: "/hooks", icon: Webhook },
  form: { title: "Form", place: "/f", icon: FileText },
};

const OTHERS = { schedule: { title: "Schedule", icon: Clock }, event: { title: "Event", icon: Zap } };

function OtherWay({ trigger }) {
  const { title, icon: Icon } = OTHERS[trigger.type];
  return <><Icon size={14} /><span>{title}</span><code>{trigger.detail}</code></>;
}

function Way({ kind, path }) {
  const { title, place, icon: Icon } = WAYS[kind];
  return <><Icon size={14} /><span>{title}</span><code>{place}/…/{path}</code></>;
}

function Address({ address, busy }) {
  const { kind, path, auth, token } = address;
  const url = `${window.location.origin}${path}`;
  const isChat = kind === "chat";
  const bearer = auth === "token" ? `  -H 'Authorization: Bearer ${token ?? "TOKEN"}' \\\n` : "";
  const curl = `curl ${url}${isChat ? "/messages" : ""} \\\n${bearer}  -H 'Content-Type: application/json' \\\n  -d '{"message": "Hello"}'`;
  return (
    <div className="hed-address" data-testid={`address-${kind}`}>
      <b>{WAYS[kind].title}</b>
      {kind !== "webhook" && <a className="hed-link" href={url} target="_blank" rel="noreferrer">{url}</a>}
      {kind !== "form" && <Copyable text={curl} />}
      {auth === "hmac" && token && <Copyable text={token} />}
      {(auth === "token" || auth === "hmac") && <Secret address={address} busy={busy} />}
    </div>
  );
}

function renew(session, endpoint_id) {
  session.set((s) => ({ publish: { ...s.publish, busy: true, error: null } }));
  session.request("renew", { endpoint_id });
}

// What proves a caller: shown once when it is made; afterwards a new one can be made in its place.
function Secret({ address, busy }) {
  const session = useSession();
  const { auth, token, has_secret: known, endpoint_id: id } = address;
  const may = useValue((s) => s.view.can.publish);
  const what = auth === "hmac" ? "signing secret" : "token";
  if (token) return <p className="hed-note"><b>Keep the {what} now.</b> It is shown this once.</p>;
  const use = auth === "hmac" ? <>sign each call with it (Standard Webhooks)</> : <>put it in place of <code>TOKEN</code></>;
  return (
    <div className="hed-secret">
      <p className="mut">{known ? <>The {what} was shown when it was made; {use}.</> : <>Callers need a {what}, and none is made yet.</>}</p>
      {may && (
        <Button className="hed-btn" onClick={() => renew(session, id)} why={busy ? `The ${what} is being made.` : null} title={known ? "The one it has stops working at once" : undefined}>
          <KeyRound size={13} /> {known ? `Replace the ${what}` : `Make a ${what}`}
        </Button>
      )}
    </div>
  );
}

export function Copyable({ text }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1600);
  };
  return (
    <div className="hed-copy">
      <pre>{text}</pre>
      <button className="hed-icon" onClick={copy} aria-label="Copy" title="Copy">{done ? <Check size={14} /> : <Copy size={14} />}</button>
    </div>
  );
}
