import { graphql } from 'relay-runtime';

/** A list that can be paged in both directions, and fetched anew with another filter. */
export const claimList = graphql`
  fragment ClaimList_query on Query
  @refetchable(queryName: "ClaimListPaginationQuery")
  @argumentDefinitions(
    filter: { type: "ClaimFilter" }
    orderBy: { type: "[ClaimOrder!]" }
    first: { type: "Int" }
    after: { type: "String" }
    last: { type: "Int" }
    before: { type: "String" }
  ) {
    claims(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before)
      @connection(key: "ClaimList_claims", filters: ["filter", "orderBy"]) {
      totalCount
      edges {
        node {
          id
          ...ClaimRow_claim
        }
      }
    }
  }
`;

/** The page that shows the list. */
export const claimListPage = graphql`
  query ClaimListPageQuery(
    $filter: ClaimFilter
    $orderBy: [ClaimOrder!]
    $first: Int
    $after: String
    $last: Int
    $before: String
  ) {
    ...ClaimList_query
      @arguments(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before)
  }
`;
