import { graphql } from 'relay-runtime';

/** Runs detection and puts the run on top of the list of runs. */
export const detectDrift = graphql`
  mutation DetectDriftMutation($input: DetectDriftInput!, $connections: [ID!]!) {
    detectDrift(input: $input) {
      reportRun @prependNode(connections: $connections, edgeTypeName: "ReportRunEdge") {
        id
        status
        driftEvents(first: 10) {
          nodes {
            ...DriftEventRow_event
          }
        }
      }
      userErrors {
        code
        message
        path
      }
      clientMutationId
    }
  }
`;

/** One finding. */
export const driftEventRow = graphql`
  fragment DriftEventRow_event on DriftEvent {
    payer
    cptGroup
    driftType
    deltaValue
  }
`;

/** The runs, newest first. */
export const runList = graphql`
  query DetectDriftRunsQuery {
    reportRuns(first: 20) @connection(key: "DetectDrift_reportRuns") {
      edges {
        node {
          id
          status
        }
      }
    }
  }
`;
