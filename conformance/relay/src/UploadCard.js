import { graphql } from 'relay-runtime';

/** One file of claims, fetched anew by its identifier, with a list of its own. */
export const uploadCard = graphql`
  fragment UploadCard_upload on Upload
  @refetchable(queryName: "UploadCardRefetchQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 3 }, cursor: { type: "String" }) {
    filename
    status
    claims(first: $count, after: $cursor) @connection(key: "UploadCard_claims") {
      edges {
        node {
          ...ClaimRow_claim
        }
      }
    }
  }
`;

/** The page that shows it. */
export const uploadPage = graphql`
  query UploadCardPageQuery($id: ID!) {
    node(id: $id) {
      id
      ...UploadCard_upload @alias(as: "upload")
    }
  }
`;
