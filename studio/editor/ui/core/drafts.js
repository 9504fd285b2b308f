// Fields under edit. What was typed into them last is saved before anything looks at the draft.
export class Drafts {
  constructor() {
    this.commits = new Set();
  }

  // Returns how to leave again.
  add(commit) {
    this.commits.add(commit);
    return () => this.commits.delete(commit);
  }

  flush() {
    for (const commit of this.commits) commit();
  }
}
