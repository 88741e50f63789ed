import { Kind, parse } from 'graphql';

/**
 * Drops an operation name that the document does not have. GraphiQL learns the
 * names in a tab a moment after the tab was opened; run before that, it would
 * send the name from the tab before. Documents that do not parse pass unchanged:
 * the server explains them.
 *
 * @template {{query: string, operationName?: string | null}} P
 * @param {P} payload
 * @returns {P}
 */
export function withOwnOperation(payload) {
  if (!payload.operationName) return payload;
  const names = operationNames(payload.query);
  if (!names || names.includes(payload.operationName)) return payload;
  return { ...payload, operationName: names.length === 1 ? names[0] : undefined };
}

function operationNames(query) {
  try {
    return parse(query, { noLocation: true })
      .definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
      .map((definition) => definition.name?.value);
  } catch {
    return null;
  }
}
