// What a run cost, as labelled figures for the line below the answer.

const integer = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

const COST_FIGURES = [
  ['requested', 'Cost requested', integer],
  ['actual', 'actual', integer],
  ['budget', 'budget', integer],
  ['remaining', 'remaining', integer],
  ['sqlStatements', 'SQL statements', integer],
  ['dbMs', 'Database', decimal, ' ms'],
];

/**
 * @param {{status: number, body: any, milliseconds: number}} run
 * @returns {{key: string, label: string, value: string}[]}
 */
export function describeRun({ status, body, milliseconds }) {
  const figures = [
    { key: 'status', label: 'HTTP', value: String(status) },
    { key: 'time', label: 'Time', value: `${integer.format(milliseconds)} ms` },
  ];
  const errors = Array.isArray(body?.errors) ? body.errors.length : 0;
  if (errors > 0) figures.push({ key: 'errors', label: 'Errors', value: integer.format(errors) });
  const cost = body?.extensions?.cost ?? {};
  for (const [key, label, format, unit = ''] of COST_FIGURES) {
    const value = cost[key];
    if (Number.isFinite(value)) figures.push({ key, label, value: format.format(value) + unit });
  }
  return figures;
}
