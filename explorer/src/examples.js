// Requests to begin with. Each runs as it stands on the sample estate (`--sample examples/acme`), in any order and as
// often as one likes; the tests run every one of them.

export const kinds = ['Queries', 'Mutations', 'Subscriptions'];

export const examples = [
  {
    kind: 'Queries',
    title: 'Profiles with their lines',
    query: `# Profiles that share a line with others, each with its users, its lines, and who else has them.
query ProfilesWithClones($first: Int = 5) {
  profiles(first: $first, filter: { hasClones: true }) {
    totalCount
    nodes {
      name
      organization { path }
      users { nodes { userId } }
      lines {
        nodes {
          index
          role
          line {
            pattern
            partition
            clones { nodes { device { name } } }
          }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: { first: 5 },
  },
  {
    kind: 'Queries',
    title: "A site's profiles, page by page",
    query: `# Put \`endCursor\` of one page into \`after\` for the next.
query ProfilesOfSite($first: Int, $after: String, $site: ID!) {
  profiles(first: $first, after: $after, filter: { organization: { ids: [$site] } }) {
    totalCount
    nodes { name product readiness { isReady findings { message fix } } }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: { first: 3, after: null, site: 'T3JnYW5pemF0aW9uOjk' },
  },
  {
    kind: 'Queries',
    title: 'Find anything by a text',
    query: `query Find($text: String!) {
  search(text: $text, first: 10) {
    __typename
    ... on Profile { name organization { path } }
    ... on User { userId displayName }
    ... on Phone { name }
    ... on Line { pattern partition }
  }
}
`,
    variables: { text: 'weiss' },
  },
  {
    kind: 'Queries',
    title: 'The past of a profile',
    query: `# Who changed what, newest first; every change has its place in the stream.
query History($id: ID!) {
  profile(by: { id: $id }) {
    name
    history(first: 10) {
      nodes {
        cursor
        at
        by
        reason
        change { kind fieldChanges { field before after } }
      }
    }
  }
}
`,
    variables: { id: 'UHJvZmlsZToxNDc' },
  },
  {
    kind: 'Queries',
    title: 'The rules, and what breaks them',
    query: `query Rules {
  rules { code sentence severity }
  service { version newestCursor }
}
`,
  },
  {
    kind: 'Mutations',
    title: 'Change a line, and all its clones',
    query: `# Through the original: every clone follows in the same transaction.
mutation ChangeLine($input: ChangeLineSettingsInput!) {
  changeLineSettings(input: $input) {
    errors { code message path }
    appearances { role device { name } settings { maxCalls display } }
    users { userId }
    cursor
  }
}
`,
    variables: {
      input: {
        appearanceId: 'TGluZUFwcGVhcmFuY2U6NTMw',
        settings: { maxCalls: 8 },
        reason: 'Tried from the explorer',
      },
    },
  },
  {
    kind: 'Mutations',
    title: 'Break a rule: change a clone',
    query: `# Refused, as data: the code, the rule, and the original to change instead.
mutation ChangeClone($input: ChangeLineSettingsInput!) {
  changeLineSettings(input: $input) {
    errors { code message rule path originalId }
    appearances { id }
  }
}
`,
    variables: { input: { appearanceId: 'TGluZUFwcGVhcmFuY2U6ODk4', settings: { maxCalls: 2 } } },
  },
  {
    kind: 'Mutations',
    title: 'Create a profile, without doing it',
    query: `# A dry run checks every rule and tells what would be done.
mutation TryProfile($input: CreateProfileInput!) {
  createProfile(input: $input) {
    errors { code message path suggestions }
    changes { kind }
  }
}
`,
    variables: {
      input: {
        name: 'EM_explorer',
        clusterId: 'Q2x1c3RlcjoxMw',
        organizationId: 'T3JnYW5pemF0aW9uOjk',
        product: 'Cisco 8841',
        protocol: 'SIP',
        dryRun: true,
      },
    },
  },
  {
    kind: 'Mutations',
    title: 'Log in on a phone, without doing it',
    query: `# The session as it would be, with what the phone copies at login.
mutation TryLogin($input: LoginInput!) {
  login(input: $input) {
    errors { code message ciscoCode }
    changes { kind fieldChanges { field after } }
  }
}
`,
    variables: { input: { userId: 'VXNlcjoyNg', phoneId: 'UGhvbmU6Mjgx', dryRun: true } },
  },
  {
    kind: 'Subscriptions',
    title: 'Every change from now on',
    query: `# Runs until it is stopped. Change something in another tab of the browser, and see it here.
# Stopped or cut off, it goes on after the last cursor by Resume, and nothing is lost.
subscription Changes {
  changes {
    cursor
    at
    by
    reason
    change { kind fieldChanges { field before after } }
  }
}
`,
  },
  {
    kind: 'Subscriptions',
    title: 'Lines, from the beginning',
    query: `subscription LineChanges($after: Cursor, $filter: ChangeFilter) {
  changes(after: $after, filter: $filter) {
    cursor
    by
    reason
    change {
      kind
      node { id }
      ... on AppearanceSettingsChanged { deviceName fields line { pattern } }
    }
  }
}
`,
    variables: { after: 's0', filter: { nouns: ['LINE'] } },
  },
  {
    kind: 'Subscriptions',
    title: 'What is there, then what changes',
    query: `# One event for each profile there is, then the end of the snapshot, then every change since.
subscription Profiles {
  changes(snapshot: true, filter: { nouns: [PROFILE] }) {
    cursor
    change {
      kind
      ... on Present { node { ... on Profile { name description } } }
      ... on SnapshotComplete { count }
    }
  }
}
`,
  },
];
