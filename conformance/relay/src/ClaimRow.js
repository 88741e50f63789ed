import { graphql } from 'relay-runtime';

/** What a row of the list shows of one claim. */
export const claimRow = graphql`
  fragment ClaimRow_claim on Claim {
    payer
    decidedDate
    outcome
    upload {
      filename
    }
  }
`;
