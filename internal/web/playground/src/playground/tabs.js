// The tabs a first visit opens, one for each of the example documents in
// docs/graphql, in the order of the files' names.

export const NEW_TAB = `# Ctrl+Space completes, Ctrl+Enter runs, Shift+Ctrl+P tidies up.
`;

/** @param {string[]} documents */
export function defaultTabs(documents) {
  return documents.map((query) => ({ query }));
}
