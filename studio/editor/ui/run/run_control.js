// Starting, following and reopening runs of the draft.
import { lastRunOf, retryRun } from "../core/api.js";
import { lookedAt, straysSay } from "./pins.js";
import { byNode, compared } from "./compare.js";
import { moments, snapshot } from "./replay.js";
import { follow, fold, isFinal, loadRun, newRun, questions, replyText } from "./run.js";

export class RunControl {
  constructor(session) {
    this.session = session;
    this.stop = null;
    this.conversation = null;
    this.last = null;
    this.asked = false;
    this.opening = null;
    this.events = [];
    this.frame = null;
  }

  get state() {
    return this.session.state;
  }

  async open(runId) {
    this.asked = false;
    this.opening = runId;
    if (!runId) return;
    try {
      const run = await loadRun(runId, this.state.graph?.edges ?? []);
      if (this.opening !== runId) return; // another one was asked for meanwhile
      this.session.set({ run, compare: null, chat: chatOf(run), drawer: { ...this.state.drawer, open: true } });
      if (!isFinal(run)) this.watch(runId);
    } catch (error) {
      this.session.fail(`The run could not be opened: ${error.message}`);
    }
  }

  // The workflow's last run, asked for once: what its nodes saw helps to write what they read. None is no fault.
  async loadLast() {
    if (this.asked) return;
    this.asked = true;
    const { workflow_id, name } = this.state.view;
    try {
      const head = await lastRunOf(name);
      const lastRun = head && await loadRun(head.run_id, this.state.graph?.edges ?? []);
      if (this.state.view.workflow_id === workflow_id) this.session.set({ lastRun });
    } catch {
      // then only the file tells
    }
  }

  close() {
    this.stop?.();
    this.stop = null;
    cancelAnimationFrame(this.frame);
    this.frame = null;
    this.events = [];
  }

  // The message of the chat preview, or the object of the input tab.
  async start(input, { chat = false } = {}) {
    const { view, run } = this.state;
    if (!view.can.run) return this.session.fail("Your role does not allow running workflows.");
    if (this.state.busy || (run && !isFinal(run) && this.stop)) return this.session.fail("A run is under way; wait for its end or cancel it.");
    if (!this.state.valid) return this.session.fail("The YAML has an error; mend it, then run.");
    this.close();
    this.last = { input, chat };
    return this.begin({ input, chat, conversation_id: chat ? this.conversation : null });
  }

  // Run a node alone, or from it on, with what it saw in the run that is looked at.
  async startPart(entry, only) {
    const run = lookedAt(this.state);
    this.close();
    return this.begin({ input: run?.input ?? {}, chat: false, part: { entry, only, run_id: run?.run_id ?? null } });
  }

  async begin(request) {
    const { input, chat } = request;
    this.session.set((s) => ({
      busy: true, run: newRun(null, input), whole: null, at: null, compare: null, lastRun: lookedAt(s), focusStep: null,
      chat: chat ? [...s.chat, { role: "user", text: input.message }, { role: "assistant", text: "", pending: true }] : s.chat,
      drawer: { ...s.drawer, open: true },
    }));
    try {
      await this.session.sync.settled();
    } catch {
      return this.failed("The draft is not saved; resolve the conflict first.");
    }
    this.session.request("run", request);
    return undefined;
  }

  // Run: the same input again, or the chat where nothing was run yet.
  again() {
    const { drawer, run } = this.state;
    if (this.last) this.start(this.last.input, this.last);
    else if (drawer.tab === "input" || run?.input) this.session.set({ drawer: { tab: "input", open: true, submit: Date.now() } });
    else this.session.set({ drawer: { tab: "chat", open: true, focus: Date.now() } });
    return true;
  }

  started(reply) {
    if (!this.state.busy) return;
    if (reply.error) return this.failed(reply.error);
    if (reply.conversation_id) this.conversation = reply.conversation_id;
    if (reply.strays?.length) this.session.say(straysSay(reply.strays));
    this.session.set((s) => ({ busy: false, run: { ...s.run, run_id: reply.run_id } }));
    this.watch(reply.run_id);
  }

  failed(message) {
    this.session.set((s) => ({ busy: false, run: null, chat: answered(s.chat, { text: message, error: true }) }));
    this.session.fail(message);
  }

  watch(runId) {
    this.stop = follow(
      runId,
      (event) => {
        this.events.push(event);
        this.frame ??= requestAnimationFrame(() => this.drain());
      },
      (ended) => ended && this.ended(runId),
    );
  }

  // Many events, one repaint.
  drain() {
    this.frame = null;
    const events = this.events.splice(0);
    if (!events.length || !this.state.run) return;
    const run = events.reduce(fold, this.state.run);
    this.session.set((s) => ({ run, chat: s.chat.length ? spoken(s.chat, run) : s.chat }));
    if (isFinal(run)) this.stop = null;
  }

  // The stream closed; when its last event was missed, the database says how the run ended.
  async ended(runId) {
    this.drain();
    this.stop = null;
    if (isFinal(this.state.run)) return;
    try {
      const run = await loadRun(runId, this.state.graph?.edges ?? []);
      this.session.set((s) => ({ run, chat: spoken(s.chat, run) }));
      if (!isFinal(run)) this.session.fail("The live view was interrupted; open the run again from the run list.");
    } catch (error) {
      this.session.fail(error.message);
    }
  }

  // Lay a run of the past over the canvas.
  async show(runId) {
    this.close();
    this.conversation = null; // it may be a customer's
    this.session.set({ focusStep: null, whole: null, at: null, compare: null });
    await this.open(runId);
  }

  // Hold another run against the one over the canvas.
  async compare(runId) {
    try {
      const run = await loadRun(runId, this.state.graph?.edges ?? []);
      this.session.set((s) => (s.run?.run_id ? comparing(s.whole ?? s.run, run) : null));
    } catch (error) {
      this.session.fail(`The run could not be opened: ${error.message}`);
    }
  }

  swap() {
    this.session.set((s) => comparing(s.compare.run, s.run));
  }

  // Go on with a failed run, as a run of its own.
  async retry() {
    try {
      const { run_id } = await retryRun(this.state.run.run_id);
      await this.show(run_id);
    } catch (error) {
      this.session.fail(error.message);
    }
  }

  // The run as it stood after so many of its moments; null: as it ended.
  goTo(at) {
    this.session.set((s) => {
      const whole = s.whole ?? s.run;
      return at === null ? { run: whole, whole: null, at: null } : { run: snapshot(whole, moments(whole), at), whole, at };
    });
  }

  cancel() {
    const { run } = this.state;
    if (run?.run_id && !isFinal(run)) this.session.server.cancel({ run_id: run.run_id });
  }

  newConversation() {
    this.conversation = null;
    this.close();
    this.last = null;
    this.session.set({ ...left(this.state), chat: [], focusStep: null, drawer: { tab: "chat", open: true, focus: Date.now() } });
  }

  clear() {
    this.close();
    this.session.set({ ...left(this.state), focusStep: null });
  }
}

function comparing(run, other) {
  const rows = compared(run, other);
  return { run, whole: null, at: null, compare: { run: other, rows, nodes: byNode(rows) } };
}

// The run leaves the canvas; its data stays at hand.
const left = (state) => ({ run: null, whole: null, at: null, compare: null, lastRun: state.whole ?? lookedAt(state) });

function spoken(chat, run) {
  if (!chat.at(-1)?.pending) return chat;
  if (!isFinal(run)) return [...chat.slice(0, -1), { ...chat.at(-1), text: run.text, asks: questions(run), run_id: run.run_id }];
  if (run.status === "succeeded") return answered(chat, { text: replyText(run.output) ?? (run.text || null), output: run.output });
  const reason = run.status === "cancelled" ? "The run was cancelled." : run.error?.message ?? "The run failed.";
  return answered(chat, { text: reason, error: true, wantsInput: run.error?.code === "input_mismatch" });
}

const answered = (chat, answer) =>
  chat.at(-1)?.pending ? [...chat.slice(0, -1), { ...chat.at(-1), pending: false, ...answer }] : chat;

function chatOf(run) {
  const message = run.input?.message;
  if (typeof message !== "string") return [];
  return spoken([{ role: "user", text: message }, { role: "assistant", text: "", pending: true }], run);
}
