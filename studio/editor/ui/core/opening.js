// The draft as the page finds it: asked for as soon as the island is there, and again when the connection was lost meanwhile.
import { useEffect, useRef, useState } from "react";
import { draftOf } from "./api.js";

const LOADED = "heddle:loaded"; // the page says so at its first load, and whenever it is connected again
const FIRST_MS = 10_000; // so long after the island is there, the first such word is about the page's first load

let loads = 0;

// {title, error} where there is nothing to show, {name} of what is open, or null while it is asked for.
export function useOpened(session) {
  const [opened, setOpened] = useState(null);
  const asking = useRef(null);

  useEffect(() => {
    const ask = async () => {
      asking.current?.abort();
      const { signal } = (asking.current = new AbortController());
      const name = nameInAddress();
      try {
        const found = await draftOf(name, signal);
        if (signal.aborted) return; // what the page itself asked for cannot be called off
        receive(session, { ...found, load: (loads += 1), run: askedRun() });
        setOpened({ name });
      } catch (error) {
        if (error.name === "AbortError" || error.status === 401) return; // who is not signed in is led away by the page
        if (session.state.view?.name !== name) setOpened(fault(error, name));
      }
    };
    const until = Date.now() + FIRST_MS;
    let isFirst = true;
    const again = () => {
      const isLoad = isFirst && Date.now() < until;
      isFirst = false;
      if (!isLoad) ask();
    };
    window.addEventListener(LOADED, again);
    ask();
    return () => {
      window.removeEventListener(LOADED, again);
      asking.current.abort();
    };
  }, [session]);

  return opened;
}

function nameInAddress() {
  const name = window.location.pathname.split("/").at(-1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function fault(error, name) {
  if (error.status === 404) return { title: "There is no such workflow", error: `No workflow is called ${name}.` };
  return { title: "The workflow could not be opened", error: error.message };
}

// The same workflow again means that the connection was lost meanwhile: what was not saved yet stays.
function receive(session, view) {
  if (session.view && session.state.view?.workflow_id === view.workflow_id) return void session.reopened(view);
  session.open(view);
  const wanted = linkedNode();
  if (wanted) session.select([wanted], { reveal: true });
}

// The node that the address leads to: /app/workflows/name#node=other.
function linkedNode() {
  const found = /^#node=(\w{1,64})$/.exec(window.location.hash);
  return found ? found[1] : null;
}

// The run that the address lays over the canvas: ?run=<id>.
function askedRun() {
  const run = new URLSearchParams(window.location.search).get("run");
  return /^[0-9a-f-]{36}$/i.test(run ?? "") ? run : null;
}
