// What a page of profiles asks for, in Relay's words; relay-compiler makes its artifacts of it.
import { graphql } from 'relay-runtime';

export const query = graphql`
  query ProfilesQuery($count: Int!, $filter: ProfileFilter) {
    ...Profiles_page @arguments(count: $count, filter: $filter)
  }
`;

export const page = graphql`
  fragment Profiles_page on Query
  @refetchable(queryName: "ProfilesNextQuery")
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 3 }
    cursor: { type: "String" }
    filter: { type: "ProfileFilter" }
  ) {
    profiles(first: $count, after: $cursor, filter: $filter) @connection(key: "Profiles_profiles") {
      edges {
        node {
          id
          name
          ...Profiles_line
        }
      }
    }
  }
`;

export const line = graphql`
  fragment Profiles_line on Profile @refetchable(queryName: "ProfilesAgainQuery") {
    description
    lines(first: 1) {
      nodes {
        role
        line {
          pattern
        }
      }
    }
  }
`;

export const change = graphql`
  mutation ProfilesMutation($input: ChangeLineSettingsInput!) {
    changeLineSettings(input: $input) {
      errors {
        code
        path
        originalId
      }
      appearances {
        id
        settings {
          maxCalls
        }
      }
      cursor
    }
  }
`;
