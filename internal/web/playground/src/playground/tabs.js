// The tabs a first visit opens: find drift, read its evidence, see the claims
// behind it, run detection.

const FIND_DRIFT = `# The payer drift that matters now, worst first.
query FindDrift {
  activeDriftEvents(
    first: 10
    orderBy: { field: SEVERITY, direction: DESC }
  ) {
    totalCount
    nodes {
      payer
      cptGroup
      driftType
      baselineValue
      currentValue
      deltaValue
      qValue
      severity
      severityLabel
      estimatedRevenueImpact
      reportRun {
        asOf
      }
    }
  }
}
`;

const TESTS_BEHIND_A_RUN = `# Every test of the latest run, not only those that became
# events: what was looked at, and how small a change each
# test could have seen.
query TestsBehindARun {
  reportRuns(first: 1) {
    nodes {
      id
      status
      testCount
      driftEventCount
      tests(
        first: 20
        orderBy: { field: Q_VALUE, direction: ASC }
      ) {
        nodes {
          payer
          cptGroup
          driftType
          baselineValue
          currentValue
          pValue
          qValue
          minDetectableDelta
          practical
          significant
        }
      }
      driftEvents(first: 5) {
        nodes {
          payer
          driftType
        }
      }
    }
  }
}
`;

const CLAIMS_FEED = `# Denied claims, newest decision first. For the next page,
# add after: "<endCursor of this page>".
query ClaimsFeed {
  claims(
    first: 20
    filter: { outcome: DENIED }
    orderBy: { field: DECIDED_DATE, direction: DESC }
  ) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      payer
      cpt
      cptGroup
      submittedDate
      decidedDate
      outcome
      billedAmount
      denialReasonCode
    }
  }
}
`;

const DETECT_DRIFT = `# Runs drift detection now, as of the day in the
# variables below. Needs the role analyst or above.
mutation DetectDrift($input: DetectDriftInput!) {
  detectDrift(input: $input) {
    reportRun {
      id
      status
      driftEventCount
    }
    userErrors {
      path
      code
      message
    }
  }
}
`;

export const NEW_TAB = `# Ctrl+Space completes, Ctrl+Enter runs, Shift+Ctrl+P tidies up.
`;

/** @param {Date} now */
export function defaultTabs(now) {
  const variables = JSON.stringify({ input: { asOf: yesterday(now) } }, null, 2);
  return [
    { query: FIND_DRIFT },
    { query: TESTS_BEHIND_A_RUN },
    { query: CLAIMS_FEED },
    { query: DETECT_DRIFT, variables },
  ];
}

// yesterday in UTC: "as of" is the first day no longer looked at, and today's
// decisions are still coming in.
function yesterday(now) {
  return new Date(now.getTime() - 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
}
